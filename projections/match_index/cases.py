"""The cases of a batch: whose each is, where its key stands, and which mails lead to it."""

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates.case_facts import (
    CaseClosed,
    CaseGiven,
    CaseInteractionLinked,
    CaseOpened,
    CaseReopened,
    CaseStateChanged,
    StateName,
)
from aggregates.case_mail import CaseMailReleased
from aggregates.values import CaseId, ContactId, Fact, InteractionId


class CaseRow(Struct, frozen=True):
    """One case. `number` is unique in the store; `key_id` names the data key of its personal values,
    0 while there is none. Whose it is, says `interaction_id`, else `contact_id`."""

    case_id: CaseId
    number: int
    division: str
    state: StateName
    interaction_id: InteractionId | None = None
    contact_id: ContactId | None = None
    follow_up_of: CaseId | None = None
    key_id: int = 0


class CaseChanges(Struct):
    """What a batch changes: rows, which interactions belong to which case, and which message ids
    (by their digests) lead to which."""

    rows: list[CaseRow] = field(default_factory=list)
    interactions: list[tuple[InteractionId, CaseId]] = field(default_factory=list)
    messages: list[tuple[bytes, CaseId]] = field(default_factory=list)


class CaseBook:
    """Case rows by id, loaded and changed."""

    def __init__(self) -> None:
        self._rows: dict[CaseId, CaseRow] = {}
        self._changed: dict[CaseId, CaseRow] = {}
        self._interactions: dict[tuple[InteractionId, CaseId], None] = {}
        self._messages: dict[tuple[bytes, CaseId], None] = {}

    def add(self, rows: Iterable[CaseRow]) -> None:
        """Take in stored rows."""
        for row in rows:
            self._rows.setdefault(row.case_id, row)

    def get(self, case_id: str) -> CaseRow | None:
        """Return a loaded case."""
        return self._rows.get(CaseId(case_id))

    def apply(self, case_id: CaseId, fact: Fact) -> None:
        """Let a fact of a case change its row."""
        match fact:
            case CaseOpened(number=number, division=division, place=place):
                self._place(
                    CaseRow(
                        case_id,
                        number,
                        division,
                        "new" if place == "mail" else "open",
                        fact.interaction_id,
                        fact.contact_id,
                        fact.follow_up_of,
                    )
                )
            case CaseGiven(contact_id=contact_id):
                self._place(replace(self._rows[case_id], contact_id=contact_id))
            case CaseInteractionLinked(interaction_id=interaction_id, messages=messages):
                self._interactions[interaction_id, case_id] = None
                for message in messages:
                    self._messages[bytes.fromhex(message), case_id] = None
            case CaseStateChanged(state=state):
                self._place(replace(self._rows[case_id], state=state))
            case CaseReopened():
                self._place(replace(self._rows[case_id], state="open"))
            case CaseClosed():
                self._place(replace(self._rows[case_id], state="closed"))
            case CaseMailReleased(message=message):
                self._messages[bytes.fromhex(message), case_id] = None

    def seal(self, subject: str, key_id: int) -> None:
        """Note the data key of a case; other subjects are passed."""
        row = self.get(subject)
        if row is not None and not row.key_id:
            self._place(replace(row, key_id=key_id))

    def changes(self) -> CaseChanges:
        """Return what has changed, in key order."""
        return CaseChanges(
            [row for _, row in sorted(self._changed.items())],
            sorted(self._interactions),
            sorted(self._messages),
        )

    def _place(self, row: CaseRow) -> None:
        self._rows[row.case_id] = row
        self._changed[row.case_id] = row
