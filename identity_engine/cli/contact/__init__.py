"""The verbs of contacts."""

from identity_engine.cli.contact.across import across
from identity_engine.cli.contact.apart import lift_apart, tell_apart
from identity_engine.cli.contact.editing import create, edit, promote
from identity_engine.cli.contact.enriching import enrich
from identity_engine.cli.contact.hold import hold
from identity_engine.cli.contact.identifier import identifier
from identity_engine.cli.contact.journey import journey
from identity_engine.cli.contact.lifecycle import delete, move, restore, sweep
from identity_engine.cli.contact.merging import merge, unmerge
from identity_engine.cli.contact.note import note
from identity_engine.cli.contact.reading import duplicates, history, how, lineage, show_, why
from identity_engine.cli.group import group

contact = group(
    "contact",
    "Contacts: show, explain, enter, change, merge, part, take away.",
    show_,
    history,
    why,
    how,
    merge,
    unmerge,
    tell_apart,
    lift_apart,
    duplicates,
    lineage,
    create,
    edit,
    promote,
    enrich,
    identifier,
    journey,
    note,
    sweep,
    delete,
    restore,
    hold,
    move,
    across,
)
