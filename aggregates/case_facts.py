"""What is written down of a case. Its notes are the facts of `notes.py`, in its own stream."""

import re
from typing import ClassVar, Literal

from aggregates.case_mail import CaseMailFact
from aggregates.values import CaseId, ContactId, Erased, Fact, InteractionId, Stored

NUMBER = re.compile(r"C-([0-9]{6,12})", re.IGNORECASE)

Place = Literal[
    "mail", "interaction", "case", "contact", "address", "personal_queue", "team_queue", "pinned"
]
"""Where a case was opened: by an inbound mail, or by hand from one of the other places."""

JoinedBy = Literal["opening", "thread", "token", "sender", "hand"]
"""Why an interaction belongs to a case: it opened it, its thread or our token led to it, its sender
wrote too often to open another, or a person said so."""

Cause = Literal["hand", "use", "mail", "sweep"]
StateName = Literal["new", "open", "pending", "resolved", "closed"]


class CasePersonal(Stored, frozen=True, kw_only=True):
    """What a case is about, in words."""

    subject: str


class CaseOpened(Fact, frozen=True, kw_only=True):
    """A case came into being. `number` is unique in the centre and is never given again.

    `interaction_id` is the interaction that says whose case it is; where there is none, `contact_id`
    is the member contact that the case was opened for. A follow-up has those of the case before.
    """

    TOPIC: ClassVar[str] = "case.opened"

    number: int
    division: str
    place: Place
    interaction_id: InteractionId | None = None
    contact_id: ContactId | None = None
    follow_up_of: CaseId | None = None
    from_case: CaseId | None = None
    personal: CasePersonal | Erased | None = None


class CaseGiven(Fact, frozen=True, kw_only=True):
    """The case was opened for `given_from` and is the matter of `contact_id`."""

    TOPIC: ClassVar[str] = "case.given"

    contact_id: ContactId
    given_from: ContactId


class CaseInteractionLinked(Fact, frozen=True, kw_only=True):
    """An interaction belongs to the case; it stays with its own contact.

    `messages` are keyed digests of the message ids that a mail names: a later mail of the thread is
    found by them. `automatic` marks an automatic reply or a bounce.
    """

    TOPIC: ClassVar[str] = "case.interaction_linked"

    interaction_id: InteractionId
    by: JoinedBy
    automatic: bool = False
    messages: tuple[str, ...] = ()


class CaseStateChanged(Fact, frozen=True, kw_only=True):
    """A person moved the case on: `reason` says what it waits for, `disposition` how it ended."""

    TOPIC: ClassVar[str] = "case.state_changed"

    before: StateName
    state: Literal["open", "pending", "resolved"]
    cause: Cause
    reason: str | None = None
    disposition: str | None = None


class CaseReopened(Fact, frozen=True, kw_only=True):
    """New mail, or use by an agent, turned a pending or resolved case to open."""

    TOPIC: ClassVar[str] = "case.reopened"

    before: StateName
    cause: Cause
    interaction_id: InteractionId | None = None


class CaseClosed(Fact, frozen=True, kw_only=True):
    """The case is closed, by hand or by the sweep, and does not change any more."""

    TOPIC: ClassVar[str] = "case.closed"

    cause: Cause


class CaseAssigned(Fact, frozen=True, kw_only=True):
    """The case lies in an agent's personal queue, in a team's queue, or (both None) in none."""

    TOPIC: ClassVar[str] = "case.assigned"

    agent: str | None = None
    queue: str | None = None


class CasePinned(Fact, frozen=True, kw_only=True):
    """An agent keeps the case at hand."""

    TOPIC: ClassVar[str] = "case.pinned"

    agent: str


class CaseUnpinned(Fact, frozen=True, kw_only=True):
    """An agent keeps the case at hand no longer."""

    TOPIC: ClassVar[str] = "case.unpinned"

    agent: str


CaseFact = (
    CaseOpened
    | CaseGiven
    | CaseInteractionLinked
    | CaseStateChanged
    | CaseReopened
    | CaseClosed
    | CaseAssigned
    | CasePinned
    | CaseUnpinned
    | CaseMailFact
)


def number_text(number: int) -> str:
    """Return a case's number as people read it: `C-000123`."""
    return f"C-{number:06d}"


def number_of(text: str) -> int | None:
    """Return the number that a text like `C-000123` names, None where it has not the form of one."""
    found = NUMBER.fullmatch(text.strip())
    return int(found[1]) if found is not None else None
