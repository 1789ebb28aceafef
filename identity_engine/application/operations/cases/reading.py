"""What one actor sees of cases: those of its divisions; another division's case is absent."""

from collections.abc import Collection
from datetime import UTC
from typing import get_args

from msgspec import Struct

from aggregates.access import Action
from aggregates.case_facts import StateName
from aggregates.values import instant_text
from identity_engine.application.acting import Operations
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.as_of import moment_of
from identity_engine.application.cases.intake import Intake
from identity_engine.application.explanation.sentences import DEFAULT, Language, sentences_in
from identity_engine.application.explanation.telling import tell
from identity_engine.application.ids import checked_case, checked_id
from identity_engine.application.input_text import checked_words
from identity_engine.application.permissions import needs
from identity_engine.application.shown import as_told
from projections.cases.query import (
    CaseSummary,
    CaseView,
    Composing,
    composing,
    find_case,
    find_cases,
    positions_of_changes,
)
from projections.identity.query import find_identity
from projections.sql import Connection


class CaseChange(Struct, frozen=True):
    """One event of a case: when it was recorded and true, who did it, and what it was in words.

    `personal` is what it says about the person, None where it says nothing.
    """

    position: int
    number: str
    recorded_at: str
    valid_from: str
    topic: str
    actor: str
    summary: str
    personal: dict[str, object] | None


class ReadingCases(Operations):
    """Questions about cases; mail that came in meanwhile is taken in first."""

    def __init__(self, context: ActorContext) -> None:
        super().__init__(context)
        self._intake = Intake(context)

    @needs(Action.CASE_VIEW)
    def show(self, case: str) -> CaseView:
        """Return one case, by its id or number, with all that is in it. A participant whose contact
        lies where the actor sees none is not named.

        Raises:
            NotFound: there is none that the actor sees.
        """
        found = find_case(self.views, self._seen(case), self._named())
        assert found is not None
        return found

    @needs(Action.CASE_VIEW)
    def find(
        self,
        *,
        contact: str | None = None,
        queue: str | None = None,
        agent_id: str | None = None,
        mine: bool = False,
        pinned: bool = False,
        states: Collection[str] = (),
        text: str | None = None,
        limit: int = 50,
    ) -> list[CaseSummary]:
        """Return the cases that meet every condition given, the last changed first.

        Args:
            contact: of the person that this contact is.
            queue: in this team's queue.
            agent_id: in this agent's personal queue.
            mine: in the actor's own queue.
            pinned: that the actor keeps at hand.
            states: in one of these.
            text: a case number, or words of subject, notes and mails.
            limit: at most this many.

        Raises:
            UsageError: there is no such state.
            NotFound: the actor sees no such contact.
        """
        checked_words(states, get_args(StateName), "state")
        views = self.views
        members = None
        if contact is not None:
            found = find_identity(views, checked_id(contact))
            members = self.seen(found, "No contact has this id.").members
        return find_cases(
            views,
            members=members,
            queue=queue,
            agent=self.context.actor if mine else agent_id,
            pinned_by=self.context.actor if pinned else None,
            states=states,
            text=text,
            divisions=self.divisions,
            limit=limit,
        )

    @needs(Action.CASE_VIEW)
    def history(
        self,
        case: str | None = None,
        *,
        state: str | None = None,
        actor: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 200,
        language: Language = DEFAULT,
    ) -> list[CaseChange]:
        """Return the events of one case or of all, the newest last.

        Args:
            case: id or number; None for all that the actor sees.
            state: only changes to this state.
            actor: only what this one did.
            since, until: only what was true from the one on and before the other, ISO 8601; without
                an offset it is UTC.
            limit: at most this many, the newest.
            language: of the sentences.

        Raises:
            UsageError: a time or a state is none, or the case is neither an id nor a number.
            NotFound: the actor sees no such case.
        """
        checked_words([state] if state is not None else [], get_args(StateName), "state")
        views, say = self.views, sentences_in(language)
        places = positions_of_changes(
            views,
            case_id=self._seen(case) if case is not None else None,
            state=state,
            actor=actor,
            since=_instant(since, "--since"),
            until=_instant(until, "--until"),
            divisions=self.divisions,
            limit=limit,
        )
        number = dict(places)
        return [
            CaseChange(
                event.position,
                number[event.position],
                instant_text(event.recorded_at),
                instant_text(event.header.valid_from),
                event.fact.TOPIC,
                event.header.actor,
                tell(event, say),
                as_told(event.fact.about_a_person()),
            )
            for event in self.context.store.read_positions(list(number))
        ]

    @needs(Action.CASE_VIEW)
    def busy(self) -> list[Composing]:
        """Return the agents who are composing outside an interaction, the longest first: where
        their case lies in a division that the actor sees, or, without a case, where they work."""
        found = composing(self.views, self.divisions, self.context.actor)
        return [one for one in found if one.case_id is not None or self._works_here(one.agent)]

    def _works_here(self, agent: str) -> bool:
        """Tell whether an agent, or the actor, works on cases in a division that the actor sees."""
        scope, rights = self.divisions, self.context.policies.access.rights_of(agent)
        if scope is None or agent == self.context.actor:
            return True
        return any(rights.allow(Action.CASE_EDIT, division) for division in scope)

    @property
    def views(self) -> Connection:
        """The views at the head of the log, with the mail that came in meanwhile."""
        self._intake.follow()
        return super().views

    def _named(self) -> frozenset[str] | None:
        """Return the divisions of which the actor sees the contacts."""
        cases, rights = self.divisions, self.context.rights.divisions_of
        contacts = rights.get(Action.CONTACT_VIEW, frozenset())
        return None if cases is None or contacts is None else cases | contacts

    def _seen(self, case: str) -> str:
        """Return the id of a case that the actor sees.

        Raises:
            UsageError: the text is neither an id nor a number.
            NotFound: the actor sees no such case.
        """
        named = checked_case(case)
        views = self.views
        if not isinstance(named, int):
            found = find_case(views, named)
            summary = found.summary if found is not None else None
        else:
            summary = next(iter(find_cases(views, text=case, limit=1)), None)
        return self.seen(summary, "No case has this number or id.").case_id


def _instant(typed: str | None, option: str) -> str | None:
    return None if typed is None else instant_text(moment_of(typed, option, zone=UTC))
