"""One row for each source that a policy prefers, of every policy that ever was in force."""

from typing import ClassVar

import orjson

from aggregates.policy import PolicyActivated
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import upsert

SCHEMA = """
CREATE TABLE sources_preferred (
    version TEXT NOT NULL, -- of the policy
    source TEXT NOT NULL,
    place INTEGER NOT NULL, -- 0 for the one that is preferred to all others
    in_force BOOLEAN NOT NULL,
    PRIMARY KEY (version, source)
) WITHOUT ROWID;
"""
SOURCE = ("version", "source", "place", "in_force")
INSERT = upsert("sources_preferred", SOURCE, SOURCE[:2])
PUT_IN_FORCE = "UPDATE sources_preferred SET in_force = (version = ?)"


class SourcesRows(Rows):
    """The sources of a policy, when it is first in force; then which policy is."""

    def _activate(self, _: Recorded, fact: PolicyActivated) -> None:
        if fact.kind != "policy":
            return
        content = orjson.loads(fact.content) if fact.content is not None else {}
        named = enumerate(content.get("preferred_sources", ()))
        self.views.executemany(
            INSERT, [(fact.version, source, place, False) for place, source in named]
        )
        self.views.execute(PUT_IN_FORCE, (fact.version,))

    follows: ClassVar[Follows] = {PolicyActivated: _activate}

    def write(self) -> None:
        """Everything is written already."""


class SourcesProjection(Projection):
    """Preferred sources, by policy."""

    name: ClassVar[str] = "sources"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = SourcesRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("sources_preferred", SOURCE, SOURCE[:2], state="in_force"),
    )
