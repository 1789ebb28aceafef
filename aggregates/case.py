"""One case: a matter of a person that is worked on until it is closed.

A case names whose it is by its opening interaction, or by the member contact it was opened for. The
present contact is derived when the case is read: it goes where that interaction's link goes, and through
every merge and unmerge, and nothing is rewritten.

new -> open -> pending (with a reason) -> resolved (with a disposition) -> closed. A closed case does not
change; what comes later is a follow-up.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates import case_mail, notes
from aggregates.case_facts import (
    CaseAssigned,
    CaseClosed,
    CaseFact,
    CaseInteractionLinked,
    CaseOpened,
    CasePinned,
    CaseReopened,
    CaseStateChanged,
    CaseUnpinned,
    Cause,
    JoinedBy,
    StateName,
)
from aggregates.case_mail import UNFINISHED, CaseMailFact, Draft, Mail, MailCommand, Report
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.notes import NoteCommand, NoteFact, Notes
from aggregates.values import Fact, InteractionId, MailId


class New(Struct, frozen=True):
    """No agent has opened it yet."""

    name: ClassVar[StateName] = "new"


class Open(Struct, frozen=True):
    """An agent works on it."""

    name: ClassVar[StateName] = "open"


class Pending(Struct, frozen=True):
    """It waits for something."""

    reason: str
    name: ClassVar[StateName] = "pending"


class Resolved(Struct, frozen=True):
    """It is done, since then, and may still be edited."""

    disposition: str
    since: datetime
    name: ClassVar[StateName] = "resolved"


class Closed(Struct, frozen=True):
    """It does not change any more."""

    name: ClassVar[StateName] = "closed"


State = New | Open | Pending | Resolved | Closed


class CaseState(Struct, frozen=True):
    """What the rules need to know of a case."""

    state: State
    interactions: frozenset[InteractionId] = frozenset()
    agent: str | None = None
    queue: str | None = None
    pinned_by: frozenset[str] = frozenset()
    mails: Mapping[MailId, Mail] = field(default_factory=dict)
    notes: Notes = field(default_factory=dict)

    @property
    def has_unfinished_mail(self) -> bool:
        """Whether a mail was given to be sent and nothing is known of it yet."""
        return any(mail.status in UNFINISHED for mail in self.mails.values())


class OpenCase(Struct, frozen=True):
    """Bring a case into being."""

    fact: CaseOpened


class LinkInteraction(Struct, frozen=True):
    """Let an interaction belong to the case; one that was an automatic answer opens nothing again."""

    interaction_id: InteractionId
    by: JoinedBy
    automatic: bool = False
    messages: tuple[str, ...] = ()


class Hear(Struct, frozen=True):
    """The person wrote again, in an interaction that belongs to the case already."""

    interaction_id: InteractionId


class Use(Struct, frozen=True):
    """Work on the case."""


class SetPending(Struct, frozen=True):
    """Let the case wait, for a reason of the administrator's list `reasons`."""

    reason: str
    reasons: Collection[str]


class Resolve(Struct, frozen=True):
    """Say how the case ended, by a disposition of the administrator's list `dispositions`."""

    disposition: str
    dispositions: Collection[str]


class Close(Struct, frozen=True):
    """Close a resolved case."""

    cause: Cause = "hand"


class Assign(Struct, frozen=True):
    """Put the case into an agent's queue, into a team's queue, or (both None) into none."""

    agent: str | None = None
    queue: str | None = None


class Pin(Struct, frozen=True):
    """Keep the case at hand, or no longer."""

    agent: str
    pinned: bool = True


ByAgent = NoteCommand | Use | SetPending | Resolve | Draft
"""What an agent does by working on a case: a new one is open from then on."""

CaseCommand = OpenCase | LinkInteraction | Hear | ByAgent | Close | Assign | Pin | MailCommand


def decide(state: CaseState | None, command: CaseCommand) -> tuple[CaseFact | NoteFact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    Raises:
        NotYet: there is no such case, or no such mail in it.
        AlreadyDone: the case exists already.
        Refused: `closed`, `not_resolved`, `unknown_reason`, `unknown_disposition`, `mail_on_its_way`,
            or what a mail's status does not allow.
    """
    if state is None:
        if isinstance(command, OpenCase):
            return (command.fact,)
        raise NotYet("This case does not exist.")
    if isinstance(command, OpenCase):
        raise AlreadyDone("This case exists already.")
    if isinstance(command, Report) or (isinstance(command, Pin) and not command.pinned):
        return _facts(state, command)  # what happened is noted, and a pin let go, at any time
    if isinstance(state.state, Closed):
        if isinstance(command, Close):
            return ()
        raise Refused("closed", "This case is closed and does not change. Open a follow-up.")
    if isinstance(state.state, New) and _is_by_agent(command):
        opened = CaseStateChanged(before="new", state="open", cause="use")
        return (opened, *_facts(evolve(state, opened), command))
    return _facts(state, command)


def _is_by_agent(command: CaseCommand) -> bool:
    by_hand = isinstance(command, LinkInteraction) and command.by == "hand"
    return by_hand or isinstance(command, ByAgent)


def _facts(state: CaseState, command: CaseCommand) -> tuple[CaseFact | NoteFact, ...]:
    match command:
        case _ if isinstance(command, NoteCommand):
            return notes.decide(state.notes, command)
        case LinkInteraction():
            return _link(state, command)
        case Hear(interaction_id=interaction_id):
            return _reopen(state, "mail", interaction_id)
        case Use():
            return _reopen(state, "use")
        case SetPending(reason=reason, reasons=reasons):
            return _wait(state, reason, reasons)
        case Resolve(disposition=disposition, dispositions=dispositions):
            return _resolve(state, disposition, dispositions)
        case Close(cause=cause):
            if not isinstance(state.state, Resolved):
                raise Refused("not_resolved", "Only a resolved case is closed. Resolve it first.")
            if state.has_unfinished_mail:
                raise Refused("mail_on_its_way", "A mail of this case is still on its way.")
            return (CaseClosed(cause=cause),)
        case Assign(agent=agent, queue=queue):
            same = (state.agent, state.queue) == (agent, queue)
            return () if same else (CaseAssigned(agent=agent, queue=queue),)
        case Pin(agent=agent, pinned=pinned):
            if (agent in state.pinned_by) == pinned:
                return ()
            return (CasePinned(agent=agent) if pinned else CaseUnpinned(agent=agent),)
        case Draft():
            return (*_reopen(state, "use"), *_of_mail(state, command))
        case OpenCase():
            raise AlreadyDone("This case exists already.")
        case _:
            return _of_mail(state, command)


def _of_mail(state: CaseState, command: MailCommand) -> tuple[CaseMailFact, ...]:
    named = command.outcome if isinstance(command, Report) else command
    return case_mail.decide(state.mails.get(named.mail_id), command)


def _link(state: CaseState, command: LinkInteraction) -> tuple[CaseFact, ...]:
    if command.interaction_id in state.interactions:
        return ()
    linked = CaseInteractionLinked(
        interaction_id=command.interaction_id,
        by=command.by,
        automatic=command.automatic,
        messages=command.messages,
    )
    if command.automatic or command.by in ("opening", "sender"):
        return (linked,)
    cause: Cause = "use" if command.by == "hand" else "mail"
    return (linked, *_reopen(state, cause, command.interaction_id))


def _reopen(
    state: CaseState, cause: Cause, interaction_id: InteractionId | None = None
) -> tuple[CaseFact, ...]:
    if not isinstance(state.state, Pending | Resolved):
        return ()
    before = state.state.name
    return (CaseReopened(before=before, cause=cause, interaction_id=interaction_id),)


def _wait(state: CaseState, reason: str, reasons: Collection[str]) -> tuple[CaseFact, ...]:
    if reason not in reasons:
        raise Refused("unknown_reason", f"A case waits for one of: {', '.join(sorted(reasons))}.")
    if isinstance(state.state, Resolved):
        raise Refused("resolved", "A resolved case does not wait. Take it up again first.")
    if state.state == Pending(reason):
        return ()
    before = state.state.name
    return (CaseStateChanged(before=before, state="pending", cause="hand", reason=reason),)


def _resolve(
    state: CaseState, disposition: str, dispositions: Collection[str]
) -> tuple[CaseFact, ...]:
    if disposition not in dispositions:
        allowed = ", ".join(sorted(dispositions))
        raise Refused("unknown_disposition", f"A case is resolved as one of: {allowed}.")
    if isinstance(state.state, Resolved) and state.state.disposition == disposition:
        return ()
    return (
        CaseStateChanged(
            before=state.state.name, state="resolved", cause="hand", disposition=disposition
        ),
    )


def evolve(state: CaseState | None, fact: Fact, valid_from: datetime | None = None) -> CaseState:
    """Return the state after `fact`, which became true at `valid_from`."""
    if isinstance(fact, CaseOpened):
        return CaseState(New() if fact.place == "mail" else Open())
    assert state is not None, "a case's stream begins with its opening"
    match fact:
        case CaseInteractionLinked(interaction_id=interaction_id):
            return replace(state, interactions=state.interactions | {interaction_id})
        case CaseStateChanged(state="pending", reason=reason):
            return replace(state, state=Pending(reason or ""))
        case CaseStateChanged(state="resolved", disposition=disposition):
            assert valid_from is not None
            return replace(state, state=Resolved(disposition or "", valid_from))
        case CaseStateChanged() | CaseReopened():
            return replace(state, state=Open())
        case CaseClosed():
            return replace(state, state=Closed())
        case CaseAssigned(agent=agent, queue=queue):
            return replace(state, agent=agent, queue=queue)
        case CasePinned(agent=agent):
            return replace(state, pinned_by=state.pinned_by | {agent})
        case CaseUnpinned(agent=agent):
            return replace(state, pinned_by=state.pinned_by - {agent})
        case _ if isinstance(fact, CaseMailFact):
            mail = case_mail.evolve(state.mails.get(fact.mail_id), fact)
            return replace(state, mails={**state.mails, fact.mail_id: mail})
        case _:
            return replace(state, notes=notes.evolve(state.notes, fact))
