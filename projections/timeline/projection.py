"""One row for each event of a contact, of its identifiers and of the interactions linked to it.

The rows point into the log and copy nothing personal out of it: a reader of a history decodes the
events themselves, so erasure needs nothing here.
"""

from typing import ClassVar, get_args

from aggregates.across import AcrossFact
from aggregates.case_facts import CaseFact, CaseGiven, CaseOpened
from aggregates.change import InteractionChanged
from aggregates.contact import (
    ContactFact,
    ContactMerged,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
)
from aggregates.correction import IdentifierCorrectionEnded, IdentifierLinkCorrected
from aggregates.crm import CrmFact
from aggregates.identifier import (
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierReassigned,
    IdentifierShared,
    IdentifierTransferred,
    IdentifierUnshared,
)
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.notes import NoteAdded, NoteFact
from aggregates.refused_merge import ContactMergeRefusalEnded, ContactMergeRefused
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone
from aggregates.values import instant_text
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from projections.base import Follows, Projection, Recorded, Rows, Table
from projections.sql import Connection

SCHEMA = """
CREATE TABLE timeline_entry (
    contact_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    topic TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    PRIMARY KEY (contact_id, position)
) WITHOUT ROWID;
CREATE TABLE timeline_interaction (
    interaction_id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    valid_from TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE timeline_case (
    position INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL,
    interaction_id TEXT, -- whose contact has it in its history, now and at any time
    contact_id TEXT -- else this one
);
CREATE INDEX timeline_case_of_case ON timeline_case (case_id, position);
CREATE INDEX timeline_case_of_interaction ON timeline_case (interaction_id);
CREATE INDEX timeline_case_of_contact ON timeline_case (contact_id);
CREATE TABLE timeline_change (
    interaction_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    topic TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    PRIMARY KEY (interaction_id, position)
) WITHOUT ROWID;
CREATE TABLE timeline_note (
    note_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    interaction_id TEXT NOT NULL, -- whoever has it, or gets it later, has this in its history
    PRIMARY KEY (note_id, position)
) WITHOUT ROWID;
CREATE INDEX timeline_note_of_interaction ON timeline_note (interaction_id);
CREATE TABLE timeline_holder (
    identifier_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    PRIMARY KEY (identifier_id, contact_id)
) WITHOUT ROWID;
"""
LINEAGE = ", ".join(
    f"'{fact.TOPIC}'"
    for fact in (
        *(ContactMerged, ContactUnmerged, ContactToldApart, ContactToldApartLifted),
        *(ContactMergeRefused, ContactMergeRefusalEnded),
        *(IdentifierLinkCorrected, IdentifierCorrectionEnded),
    )
)
"""Topics that tell who was taken for one and who was not, and which values led astray: an undone merge
leaves nothing but these. Which refusals stand is in the review queue, which corrections in the index."""
GIVE_CASE = "UPDATE timeline_case SET contact_id = ? WHERE case_id = ?"
Entry = tuple[str, int, str, str, str]
Receipt = tuple[str, int, str]
"""Interaction, position and valid time of its receipt."""
CaseEntry = tuple[int, str, str | None, str | None]
"""Position, case, and the interaction or contact that says whose it is."""
Change = tuple[str, int, str, str]
"""Interaction, position, topic and valid time of a change."""
NoteEntry = tuple[str, int, str]
"""Note, position, and the interaction that it was written in."""
FIRST_LINK = 2
"""The version of an interaction's first link: it cannot have changed before."""


class TimelineRows(Rows):
    """Entries; an interaction brings its receipt and changes along to each contact it is linked to."""

    def __init__(self, views: Connection) -> None:
        super().__init__(views)
        self._entries: list[Entry] = []
        self._received: dict[str, Receipt] = {}
        self._changes: list[Change] = []
        self._notes: list[NoteEntry] = []
        self._holders: list[tuple[str, str]] = []
        self._cases: list[CaseEntry] = []
        self._given: list[tuple[str, str]] = []
        self._whose: dict[str, tuple[str | None, str | None]] = {}

    def _receive(self, event: Recorded, _: InteractionReceived) -> None:
        moment = instant_text(event.header.valid_from)
        self._received[event.stream_id] = (event.stream_id, event.position, moment)

    def _link(self, event: Recorded, fact: InteractionLinked) -> None:
        receipt = self._received.get(event.stream_id) or _receipt(self.views, event.stream_id)
        if receipt is not None:
            interaction_id, position, moment = receipt
            topic = InteractionReceived.TOPIC
            self._entries.append((fact.contact_id, position, topic, interaction_id, moment))
        if event.version > FIRST_LINK:
            for _, position, topic, moment in self._changes_of(event.stream_id):
                self._entries.append((fact.contact_id, position, topic, event.stream_id, moment))
        self._enter(fact.contact_id, event)

    def _change(self, event: Recorded, fact: InteractionChanged) -> None:
        moment = instant_text(event.header.valid_from)
        self._changes.append((event.stream_id, event.position, fact.TOPIC, moment))
        if fact.contact_id is not None:
            self._enter(fact.contact_id, event)

    def _changes_of(self, interaction_id: str) -> list[Change]:
        stored = self.views.execute(
            "SELECT interaction_id, position, topic, valid_from FROM timeline_change "
            "WHERE interaction_id = ?",
            (interaction_id,),
        ).fetchall()
        return [*stored, *(one for one in self._changes if one[0] == interaction_id)]

    def _claim(self, event: Recorded, fact: IdentifierClaimed) -> None:
        self._holders.append((event.stream_id, fact.contact_id))
        self._enter(fact.contact_id, event)

    def _open_case(self, event: Recorded, fact: CaseOpened) -> None:
        self._whose[event.stream_id] = (fact.interaction_id, fact.contact_id)
        self._of_case(event, fact)

    def _give_case(self, event: Recorded, fact: CaseGiven) -> None:
        """A case that is given to a contact has its whole history there."""
        self._whose[event.stream_id] = (None, fact.contact_id)
        self._given.append((fact.contact_id, event.stream_id))
        self._enter(fact.given_from, event)
        self._of_case(event, fact)

    def _of_case(self, event: Recorded, _: CaseFact) -> None:
        whose = self._case(event.stream_id)
        if whose is not None:
            self._cases.append((event.position, event.stream_id, *whose))

    def _case(self, case_id: str) -> tuple[str | None, str | None] | None:
        """Return by what interaction or contact a case has its place, None for what is no case."""
        if case_id in self._whose:
            return self._whose[case_id]
        found: tuple[str | None, str | None] | None = self.views.execute(
            "SELECT interaction_id, contact_id FROM timeline_case WHERE case_id = ? LIMIT 1",
            (case_id,),
        ).fetchone()
        return found

    def _note(self, event: Recorded, fact: NoteFact) -> None:
        whose = self._case(event.stream_id)
        if whose is not None:
            self._cases.append((event.position, event.stream_id, *whose))
            return
        self._enter(event.stream_id, event)
        interaction_id = self._written_in(fact)
        if interaction_id is not None:
            self._notes.append((fact.note_id, event.position, interaction_id))

    def _written_in(self, fact: NoteFact) -> str | None:
        """Return the interaction that a note was written in, None where it was in none."""
        if isinstance(fact, NoteAdded):
            return fact.interaction_id
        known = (one for note_id, _, one in self._notes if note_id == fact.note_id)
        stored = self.views.execute(
            "SELECT interaction_id FROM timeline_note WHERE note_id = ? LIMIT 1", (fact.note_id,)
        )
        return next(known, None) or next((one for (one,) in stored), None)

    def _of_contact(self, event: Recorded, _: ContactFact) -> None:
        self._enter(event.stream_id, event)

    def _names_contact(
        self,
        event: Recorded,
        fact: InteractionUnlinked
        | IdentifierVerified
        | IdentifierVerificationWithdrawn
        | IdentifierReleased
        | IdentifierReclaimed
        | IdentifierDescribed
        | IdentifierCorrectionEnded,
    ) -> None:
        self._enter(fact.contact_id, event)

    def _hold(
        self,
        event: Recorded,
        fact: InteractionHeldForReview | InteractionReviewDecided | InteractionReviewUndone,
    ) -> None:
        self._enter(fact.contact_id, event)
        self._enter(fact.proposed, event)

    def _correct(self, event: Recorded, fact: IdentifierLinkCorrected) -> None:
        self._enter(fact.contact_id, event)
        if fact.right is not None:
            self._enter(fact.right, event)

    def _share(self, event: Recorded, _: IdentifierShared | IdentifierUnshared) -> None:
        known = {holder for stream, holder in self._holders if stream == event.stream_id}
        for holder in sorted(known | _holders(self.views, event.stream_id)):
            self._enter(holder, event)

    def _enter(self, contact_id: str, event: Recorded) -> None:
        moment = instant_text(event.header.valid_from)
        topic = event.fact.TOPIC
        self._entries.append((contact_id, event.position, topic, event.stream_id, moment))

    def _merge(self, event: Recorded, fact: ContactMerged | ContactUnmerged) -> None:
        ends = {end for edge in fact.edges for end in (edge.one, edge.other)}
        for contact_id in sorted(ends | {event.stream_id}):
            self._enter(contact_id, event)

    def _names_other(
        self,
        event: Recorded,
        fact: ContactToldApart
        | ContactToldApartLifted
        | ContactMergeRefused
        | ContactMergeRefusalEnded
        | AcrossFact,
    ) -> None:
        self._enter(event.stream_id, event)
        self._enter(fact.other, event)

    def _of_crm(self, event: Recorded, fact: CrmFact) -> None:
        if fact.contact_id is not None:
            self._enter(fact.contact_id, event)

    def _go_over(self, event: Recorded, fact: IdentifierReassigned | IdentifierTransferred) -> None:
        self._holders.append((event.stream_id, fact.contact_id))
        self._enter(fact.from_contact_id, event)
        self._enter(fact.contact_id, event)

    follows: ClassVar[Follows] = {
        InteractionReceived: _receive,
        InteractionLinked: _link,
        InteractionUnlinked: _names_contact,
        InteractionHeldForReview: _hold,
        InteractionReviewDecided: _hold,
        InteractionReviewUndone: _hold,
        InteractionChanged: _change,
        IdentifierLinkCorrected: _correct,
        IdentifierCorrectionEnded: _names_contact,
        IdentifierClaimed: _claim,
        IdentifierVerified: _names_contact,
        IdentifierVerificationWithdrawn: _names_contact,
        IdentifierReleased: _names_contact,
        IdentifierReclaimed: _names_contact,
        IdentifierShared: _share,
        IdentifierUnshared: _share,
        IdentifierReassigned: _go_over,
        IdentifierTransferred: _go_over,
        IdentifierDescribed: _names_contact,
        **dict.fromkeys(get_args(ContactFact), _of_contact),
        **dict.fromkeys(get_args(NoteFact), _note),
        **dict.fromkeys(get_args(CaseFact), _of_case),
        CaseOpened: _open_case,
        CaseGiven: _give_case,
        **dict.fromkeys(get_args(CrmFact), _of_crm),
        ContactMerged: _merge,
        ContactUnmerged: _merge,
        ContactToldApart: _names_other,
        ContactToldApartLifted: _names_other,
        ContactMergeRefused: _names_other,
        **dict.fromkeys(get_args(AcrossFact), _names_other),
        ContactMergeRefusalEnded: _names_other,
    }

    def write(self) -> None:
        """Write receipts, holders and entries."""
        self.views.executemany(
            "INSERT INTO timeline_interaction VALUES (?,?,?)", self._received.values()
        )
        self.views.executemany("INSERT INTO timeline_case VALUES (?,?,?,?)", self._cases)
        self.views.executemany(GIVE_CASE, self._given)
        self.views.executemany("INSERT INTO timeline_change VALUES (?,?,?,?)", self._changes)
        self.views.executemany("INSERT INTO timeline_note VALUES (?,?,?)", self._notes)
        self.views.executemany("INSERT OR IGNORE INTO timeline_holder VALUES (?,?)", self._holders)
        self.views.executemany(
            "INSERT OR IGNORE INTO timeline_entry VALUES (?,?,?,?,?)", self._entries
        )


class TimelineProjection(Projection):
    """Entries by contact and position."""

    name: ClassVar[str] = "timeline"
    schema: ClassVar[str] = SCHEMA
    rows: ClassVar[type[Rows]] = TimelineRows
    tables: ClassVar[tuple[Table, ...]] = (
        Table(
            "timeline_entry",
            ("contact_id", "position", "topic", "stream_id", "valid_from"),
            ("contact_id", "position"),
            frozenset({"position"}),
            state=f"topic NOT IN ({LINEAGE})",
        ),
        Table(
            "timeline_interaction",
            ("interaction_id", "position", "valid_from"),
            ("interaction_id",),
            frozenset({"position"}),
        ),
        Table(
            "timeline_case",
            ("position", "case_id", "interaction_id", "contact_id"),
            ("position",),
            frozenset({"position"}),
        ),
        Table(
            "timeline_change",
            ("interaction_id", "position", "topic", "valid_from"),
            ("interaction_id", "position"),
            frozenset({"position"}),
        ),
        Table(
            "timeline_note",
            ("note_id", "position", "interaction_id"),
            ("note_id", "position"),
            frozenset({"note_id", "position"}),
        ),
        Table("timeline_holder", ("identifier_id", "contact_id"), ("identifier_id", "contact_id")),
    )


def _receipt(views: Connection, interaction_id: str) -> Receipt | None:
    found: Receipt | None = views.execute(
        "SELECT interaction_id, position, valid_from FROM timeline_interaction "
        "WHERE interaction_id = ?",
        (interaction_id,),
    ).fetchone()
    return found


def _holders(views: Connection, identifier_id: str) -> set[str]:
    rows = views.execute(
        "SELECT contact_id FROM timeline_holder WHERE identifier_id = ?", (identifier_id,)
    )
    return {contact_id for (contact_id,) in rows}
