"""The verbs of a store."""

from identity_engine.cli.group import group
from identity_engine.cli.store.postgres import grant, migrate, readers, revoke
from identity_engine.cli.store.whole import copy, verify

store = group(
    "store",
    "A store as a whole: its schema, a copy elsewhere, proof.",
    copy,
    verify,
    migrate,
    grant,
    revoke,
    readers,
)
