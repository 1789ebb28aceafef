"""One row for each link and each record asked for, and a ledger of all that the CRM was told.

The rows are the fold of the same rules that decide (`aggregates.crm_state`), kept as columns.
"""

from functools import partial
from typing import Any, ClassVar, get_args

from msgspec.structs import replace

from aggregates.crm import (
    CrmCorrectionProposed,
    CrmCreationAsked,
    CrmCreationFailed,
    CrmLinkFact,
    CrmRecordCreated,
    CrmRecordLinked,
    CrmWriteBackDue,
    CrmWriteFailed,
    RecordPersonal,
)
from aggregates.crm_state import CrmLink, CrmState, evolve
from aggregates.values import CreationId, Fact, LinkId, instant_text
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import upsert

SCHEMA = """
CREATE TABLE crm_link (
    link_id TEXT PRIMARY KEY,
    interaction_id TEXT NOT NULL,
    record_type TEXT NOT NULL,
    record_id TEXT, -- NULL once erased
    label TEXT,
    address TEXT,
    linked BOOLEAN NOT NULL,
    due INTEGER NOT NULL, -- write-backs that fell due
    settled INTEGER NOT NULL, -- those of them that were answered
    failure TEXT,
    written BOOLEAN NOT NULL,
    sent_as TEXT,
    correction TEXT,
    approved BOOLEAN NOT NULL
) WITHOUT ROWID;
CREATE INDEX crm_link_of ON crm_link (interaction_id);
CREATE INDEX crm_link_pending ON crm_link (link_id) WHERE linked AND due > settled;
CREATE TABLE crm_creation (
    creation_id TEXT PRIMARY KEY,
    interaction_id TEXT NOT NULL,
    record_type TEXT NOT NULL,
    is_settled BOOLEAN NOT NULL,
    failure TEXT,
    record_id TEXT,
    label TEXT,
    address TEXT
) WITHOUT ROWID;
CREATE INDEX crm_creation_of ON crm_creation (interaction_id);
CREATE TABLE crm_ledger (
    position INTEGER PRIMARY KEY,
    interaction_id TEXT NOT NULL,
    named TEXT NOT NULL, -- the link or the creation
    record_type TEXT NOT NULL,
    topic TEXT NOT NULL,
    detail TEXT, -- the trigger, the reason, or the correction
    activity_id TEXT,
    version TEXT,
    sent_as TEXT,
    actor TEXT NOT NULL,
    at TEXT NOT NULL -- recorded time
);
CREATE INDEX crm_ledger_of ON crm_ledger (interaction_id);
"""
LINK = (
    "link_id", "interaction_id", "record_type", "record_id", "label", "address",
    "linked", "due", "settled", "failure", "written", "sent_as", "correction", "approved",
)  # fmt: skip
CREATION = (
    "creation_id", "interaction_id", "record_type", "is_settled", "failure",
    "record_id", "label", "address",
)  # fmt: skip
LEDGER = (
    "position", "interaction_id", "named", "record_type", "topic", "detail",
    "activity_id", "version", "sent_as", "actor", "at",
)  # fmt: skip


class CrmRows(Rows):
    """Links and creations are few beside all else, so each event is written at once, in log order."""

    def _link(self, event: Recorded, fact: CrmRecordLinked) -> None:
        known = self._known_link(fact.link_id)
        record = fact.personal if isinstance(fact.personal, RecordPersonal) else None
        names = (record.record_id, record.label, record.address) if record else (None,) * 3
        link = replace(known, linked=True) if known else _fresh(fact, names[0])
        self.views.execute(
            upsert("crm_link", LINK, LINK[:1]),
            (
                fact.link_id,
                event.stream_id,
                fact.record_type,
                *names,
                *_columns(link),
            ),
        )
        self._enter(event, fact.link_id, fact.record_type)

    def _change(self, event: Recorded, fact: CrmLinkFact) -> None:
        link_id = fact.link_id
        known = self._known_link(link_id)
        if known is None:
            return
        after = evolve(CrmState(links={link_id: known}), fact).links[link_id]
        self.views.execute(
            "UPDATE crm_link SET linked = ?, due = ?, settled = ?, failure = ?, written = ?, "
            "sent_as = ?, correction = ?, approved = ? WHERE link_id = ?",
            (*_columns(after), link_id),
        )
        self._enter(event, link_id, known.record_type)

    def _ask(self, event: Recorded, fact: CrmCreationAsked) -> None:
        row = (fact.creation_id, event.stream_id, fact.record_type)
        self.views.execute(
            upsert("crm_creation", CREATION, CREATION[:1]),
            (*row, False, None, None, None, None),
        )
        self._enter(event, fact.creation_id, fact.record_type)

    def _create(self, event: Recorded, fact: CrmRecordCreated) -> None:
        record = fact.personal if isinstance(fact.personal, RecordPersonal) else None
        names = (record.record_id, record.label, record.address) if record else (None,) * 3
        self.views.execute(
            "UPDATE crm_creation SET is_settled = TRUE, failure = NULL, record_id = ?, label = ?, "
            "address = ? WHERE creation_id = ?",
            (*names, fact.creation_id),
        )
        self._of_creation(event, fact.creation_id)

    def _fail_to_create(self, event: Recorded, fact: CrmCreationFailed) -> None:
        self.views.execute(
            "UPDATE crm_creation SET is_settled = ?, failure = ? WHERE creation_id = ?",
            (fact.final, fact.reason, fact.creation_id),
        )
        self._of_creation(event, fact.creation_id)

    def _of_creation(self, event: Recorded, creation_id: CreationId) -> None:
        found = self.views.execute(
            "SELECT record_type FROM crm_creation WHERE creation_id = ?", (creation_id,)
        ).fetchone()
        if found is not None:
            self._enter(event, creation_id, *found)

    def _enter(self, event: Recorded, named: str, record_type: str) -> None:
        said = partial(getattr, event.fact)
        self.views.execute(
            upsert("crm_ledger", LEDGER, LEDGER[:1]),
            (
                event.position,
                event.stream_id,
                named,
                record_type,
                event.fact.TOPIC,
                _detail(event.fact),
                said("activity_id", None),
                said("version", None),
                said("sent_as", None),
                event.header.actor,
                instant_text(event.recorded_at),
            ),
        )

    def _known_link(self, link_id: LinkId) -> CrmLink | None:
        row = self.views.execute(
            "SELECT link_id, record_type, record_id, linked, due, settled, failure, written, "
            "sent_as, correction, approved FROM crm_link WHERE link_id = ?",
            (link_id,),
        ).fetchone()
        if row is None:
            return None
        link_id, record_type, record_id, linked, due, settled, failure, written, *rest = row
        sent_as, correction, approved = rest
        return CrmLink(
            link_id,
            record_type,
            record_id,
            bool(linked),
            due,
            settled,
            failure,
            bool(written),
            sent_as,
            correction,
            bool(approved),
        )

    follows: ClassVar[Follows] = {
        **dict.fromkeys(get_args(CrmLinkFact), _change),
        CrmRecordLinked: _link,
        CrmCreationAsked: _ask,
        CrmRecordCreated: _create,
        CrmCreationFailed: _fail_to_create,
    }

    def write(self) -> None:
        """Everything is written already."""


class CrmProjection(Projection):
    """Links, creations and the ledger."""

    name: ClassVar[str] = "crm"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = CrmRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table("crm_link", LINK, ("link_id",), frozenset({"link_id"})),
        Table("crm_creation", CREATION, ("creation_id",), frozenset({"creation_id"})),
        Table("crm_ledger", LEDGER, ("position",), frozenset({"position", "named", "at"})),
    )

    def key(self, event: Recorded) -> str:
        """Everything about one interaction waits together."""
        return event.stream_id


def _fresh(fact: CrmRecordLinked, record_id: str | None) -> CrmLink:
    return CrmLink(fact.link_id, fact.record_type, record_id)


def _columns(link: CrmLink) -> tuple[Any, ...]:
    return (
        link.linked,
        link.due,
        link.settled,
        link.failure,
        link.written,
        link.sent_as,
        link.correction,
        link.approved,
    )


def _detail(fact: Fact) -> str | None:
    match fact:
        case CrmWriteBackDue(trigger=trigger):
            return trigger
        case CrmWriteFailed(reason=reason) | CrmCreationFailed(reason=reason):
            return reason
        case CrmCorrectionProposed(correction=correction, cause=cause):
            return f"{correction}: {cause}"
        case _:
            return getattr(fact, "correction", None)


def _places(columns: tuple[str, ...]) -> str:
    return ",".join("?" * len(columns))
