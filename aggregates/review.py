"""Review of a doubtful link: what a person decides about a proposed contact, and takes back."""

from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from aggregates import interaction
from aggregates.contact import ReasonPersonal
from aggregates.errors import NotYet, Refused
from aggregates.interaction import (
    HoldForReview,
    InteractionHeldForReview,
    InteractionLinked,
    InteractionState,
    Link,
    Linked,
    Unknown,
)
from aggregates.values import ContactId, Erased, Evidence, Fact

Decision = Literal["confirmed", "rejected", "deferred"]


class InteractionReviewDecided(Fact, frozen=True, kw_only=True):
    """A person answered whether the interaction belongs to `proposed`.

    `contact_id` is the contact that it was linked to. Confirmed, it is given to the proposed contact
    by events of the same command; rejected, it stays for good; deferred, it is asked again later.
    """

    TOPIC: ClassVar[str] = "interaction.review_decided"

    decision: Decision
    proposed: ContactId
    contact_id: ContactId
    personal: ReasonPersonal | Erased | None = None


class InteractionReviewUndone(Fact, frozen=True, kw_only=True):
    """A person took the last answer back."""

    TOPIC: ClassVar[str] = "interaction.review_undone"

    decision: Decision
    proposed: ContactId
    contact_id: ContactId
    personal: ReasonPersonal | Erased | None = None


ReviewFact = InteractionReviewDecided | InteractionReviewUndone


class ReviewState(Struct, frozen=True):
    """The link of an interaction, what is asked about it, and the last answer.

    `asked` is the last question, open or answered, `own` the evidence of the link to the contact that
    it was asked of. `rejected` are contacts that people said no to.
    """

    link: InteractionState = Unknown()
    asked: InteractionHeldForReview | None = None
    own: Evidence | None = None
    answer: InteractionReviewDecided | None = None
    rejected: frozenset[ContactId] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        answered = self.answer is not None and self.answer.decision != "deferred"
        return self.asked is not None and not answered


class Confirm(Struct, frozen=True):
    """It belongs to the proposed contact."""

    evidence: Evidence
    reason: str | None = None


class Reject(Struct, frozen=True):
    """It does not."""

    reason: str | None = None


class Defer(Struct, frozen=True):
    """Ask again later."""

    reason: str | None = None


class Undo(Struct, frozen=True):
    """Take the last answer back."""

    reason: str | None = None


ReviewCommand = Confirm | Reject | Defer | Undo


def decide(state: ReviewState, command: ReviewCommand) -> tuple[Fact, ...]:
    """Return the facts that carry out `command`.

    Raises:
        NotYet: nothing is asked, or there is no answer to take back.
        Refused: `moved_since`, the interaction went to another contact after the answer.
    """
    if isinstance(command, Undo):
        return _undo(state, command)
    if not state.is_open or not isinstance(state.link, Linked) or state.asked is None:
        raise NotYet("No contact is proposed for this interaction.")
    asked = state.asked
    decision: Decision = (
        "confirmed"
        if isinstance(command, Confirm)
        else "rejected"
        if isinstance(command, Reject)
        else "deferred"
    )
    decided = InteractionReviewDecided(
        decision=decision,
        proposed=asked.proposed,
        contact_id=state.link.contact_id,
        personal=_said(command.reason),
    )
    if not isinstance(command, Confirm):
        return (decided,)
    link = Link(asked.proposed, command.evidence, pinned=True, confirms=True)
    return (decided, *interaction.decide(state.link, link))


def evolve(state: ReviewState, fact: Fact) -> ReviewState:
    """Return the state after `fact`."""
    state = replace(state, link=interaction.evolve(state.link, fact))
    match fact:
        case InteractionLinked(evidence=evidence, contact_id=contact_id):
            answer = state.answer
            if answer and answer.decision == "confirmed" and answer.proposed == contact_id:
                return state
            return replace(state, own=evidence, asked=None, answer=None)
        case InteractionHeldForReview():
            return replace(state, asked=fact, answer=None)
        case InteractionReviewDecided(decision=decision, proposed=proposed):
            no = {proposed} if decision == "rejected" else set[ContactId]()
            return replace(state, answer=fact, rejected=state.rejected | no)
        case InteractionReviewUndone(proposed=proposed):
            return replace(state, answer=None, rejected=state.rejected - {proposed})
        case _:
            return state


def _undo(state: ReviewState, command: Undo) -> tuple[Fact, ...]:
    answer, asked, link = state.answer, state.asked, state.link
    if answer is None or asked is None:
        raise NotYet("There is no decision to take back.")
    expected = answer.proposed if answer.decision == "confirmed" else answer.contact_id
    if not isinstance(link, Linked) or link.contact_id != expected:
        raise Refused("moved_since", "The interaction went elsewhere after this decision.")
    undone = InteractionReviewUndone(
        decision=answer.decision,
        proposed=answer.proposed,
        contact_id=answer.contact_id,
        personal=_said(command.reason),
    )
    if answer.decision == "deferred":
        return (undone,)
    back: tuple[Fact, ...] = ()
    if answer.decision == "confirmed":
        assert state.own is not None, "it was linked before it was asked about"
        back = interaction.decide(link, Link(answer.contact_id, state.own))
    again = interaction.decide(
        Linked(answer.contact_id), HoldForReview(asked.proposed, asked.evidence)
    )
    return (undone, *back, *again)


def _said(reason: str | None) -> ReasonPersonal | None:
    return None if reason is None else ReasonPersonal(reason=reason)
