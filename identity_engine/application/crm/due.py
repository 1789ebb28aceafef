"""What falls due: a follower of the log that notes where the CRM is to be told something.

It has a position of its own, kept in the transaction that writes what fell due, so nothing is missed and
nothing falls due twice, whenever the process dies.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from aggregates.change import InteractionChanged
from aggregates.contact import ContactMerged, ContactUnmerged
from aggregates.crm import Cause, CrmRecordUnlinked
from aggregates.crm_conversation import take_turn, trigger_of
from aggregates.crm_rules import Compare, EndLinks, MakeDue
from aggregates.crm_state import CrmState, evolve
from aggregates.interaction import InteractionLinked, InteractionUnlinked
from aggregates.settings import Crm as CrmSettings
from aggregates.values import ContactId, Fact, InteractionId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command
from identity_engine.application.crm.dossier import (
    Dossier,
    conversation_of,
    turn_of,
)
from identity_engine.errors import NotFound
from identity_engine.event_store import crm_queue, source_positions
from identity_engine.event_store.source_positions import SourcePosition
from projections.base import Recorded
from projections.crm import query
from projections.identity.query import find_identity

BATCH = 2_000


class _Changes(NamedTuple):
    """What some events changed: the versions at which each linked interaction turned, which of them
    were taken back, and why the contact of others may be another one now."""

    turned: dict[str, set[int]]
    retracted: list[str]
    moved: dict[str, Cause]


class Due:
    """Follows the log for one run of the worker.

    Args:
        operations: whose commands write.
        settings: of the CRM.
    """

    def __init__(self, operations: Operations, settings: CrmSettings) -> None:
        self._operations, self._settings = operations, settings
        self._store = operations.context.store

    def follow(self) -> int:
        """Note everything that fell due, up to the head of the log, and return how much did."""
        head = self._operations.context.follower.follow()
        views = self._operations.context.follower.views.connection
        first = query.first_link(views)
        if first is None:
            return 0
        count = 0
        while events := self._read(first - 1, head):
            count += self._take(events)
        count += self._give_up_waiting()
        self._operations.context.follower.follow()
        return count

    def foresee(self) -> list[Fact]:
        """Return what `follow` would write, up to the head of the log; nothing is noted."""
        head = self._operations.context.follower.follow()
        first = query.first_link(self._operations.context.follower.views.connection)
        if first is None:
            return []
        found: list[Fact] = []
        with self._store.reading() as cursor:
            after = max(source_positions.position(cursor, crm_queue.SOURCE), first - 1)
        while after < head and (events := self._store.read(after, min(BATCH, head - after))):
            changes = self._changes(events)
            with self._operations.command(dry_run=True) as command:
                self._write(command, changes)
            found += [event.fact for event in command.fact_writer.events]
            after = events[-1].position
        if late := self._late():
            with self._operations.command(dry_run=True) as command:
                self._give_up(command, late)
            found += [event.fact for event in command.fact_writer.events]
        return found

    def _read(self, at_least: int, head: int) -> list[Recorded]:
        """Read on from where this follower is, no further than the views know."""
        with self._store.reading() as cursor:
            after = max(source_positions.position(cursor, crm_queue.SOURCE), at_least)
        return self._store.read(after, min(BATCH, head - after)) if after < head else []

    def _take(self, events: Sequence[Recorded]) -> int:
        changes = self._changes(events)
        with self._operations.command() as command:
            if source_positions.position(command.cursor, crm_queue.SOURCE) >= events[0].position:
                return 0  # another worker was first
            self._write(command, changes)
            for event in command.fact_writer.events:
                if isinstance(event.fact, CrmRecordUnlinked):
                    crm_queue.settle(command.cursor, event.fact.link_id)
            source_positions.move(
                command.cursor, SourcePosition(crm_queue.SOURCE, events[-1].position)
            )
        return len(command.fact_writer.events)

    def _changes(self, events: Sequence[Recorded]) -> _Changes:
        views = self._operations.context.follower.views.connection
        turning = [event for event in events if turn_of(event) is not None]
        turned = query.linked_interactions(views, {event.stream_id for event in turning})
        versions = {
            one: {event.version for event in turning if event.stream_id == one} for one in turned
        }
        taken_back = {event.stream_id for event in events if _is_retraction(event.fact)}
        retracted = query.linked_interactions(views, taken_back)
        moved = dict(self._with_another_contact(events))
        for interaction_id in retracted:  # it has no contact now, and nothing to compare
            moved.pop(interaction_id, None)
        return _Changes(versions, retracted, moved)

    def _write(self, command: Command, changes: _Changes) -> None:
        for interaction_id, versions in changes.turned.items():
            with suppress(NotFound):
                self._make_due(self._dossier(command, interaction_id), versions)
        for interaction_id in changes.retracted:
            with suppress(NotFound):
                end = EndLinks(at_once=self._settings.corrections_at_once)
                self._dossier(command, interaction_id).carry_out(end)
        for interaction_id, cause in changes.moved.items():
            with suppress(NotFound):  # erased meanwhile
                self._compare(self._dossier(command, interaction_id), cause)

    def _make_due(self, dossier: Dossier, versions: Collection[int]) -> None:
        """Let every record that was linked at a turn be told of it, if the turn is worth telling."""
        state = CrmState()
        conversation = conversation_of(dossier.stream[:1], self._settings)
        for event in dossier.stream:
            state = evolve(state, event.fact)
            turn = turn_of(event)
            if turn is None:
                continue
            before, conversation = conversation, take_turn(conversation, *turn)
            trigger = trigger_of(before, conversation, turn[0])
            if event.version in versions and trigger is not None:
                for link_id in [one.link_id for one in state.links.values() if one.linked]:
                    dossier.carry_out(MakeDue(link_id, trigger))

    def _with_another_contact(self, events: Sequence[Recorded]) -> Iterator[tuple[str, Cause]]:
        """Yield the interactions whose contact may be another one now, and why."""
        views = self._operations.context.follower.views.connection
        moved = {
            event.stream_id
            for event in events
            if isinstance(event.fact, InteractionLinked | InteractionUnlinked)
        }
        for interaction_id in query.linked_interactions(views, moved):
            yield interaction_id, "moved"
        for event in events:
            if isinstance(event.fact, ContactMerged | ContactUnmerged):
                cause: Cause = "merged" if isinstance(event.fact, ContactMerged) else "unmerged"
                ends = {end for edge in event.fact.edges for end in (edge.one, edge.other)}
                for interaction_id in query.written_interactions(views, self._members(ends)):
                    yield interaction_id, cause

    def _dossier(self, command: Command, interaction_id: str) -> Dossier:
        return Dossier(command, InteractionId(interaction_id), self._settings)

    def _members(self, contact_ids: Collection[ContactId]) -> set[str]:
        views = self._operations.context.follower.views.connection
        found = [find_identity(views, contact_id) for contact_id in sorted(contact_ids)]
        return {member for identity in found if identity is not None for member in identity.members}

    def _compare(self, dossier: Dossier, cause: Cause) -> None:
        for link_id in list(dossier.state.links):
            dossier.carry_out(
                Compare(
                    link_id, dossier.canonical_id, cause, at_once=self._settings.corrections_at_once
                )
            )

    def _give_up_waiting(self) -> int:
        """Let calls fall due that ended some time ago and that nobody wrapped up."""
        late = self._late()
        if not late:
            return 0
        with self._operations.command() as command:
            self._give_up(command, late)
        return len(command.fact_writer.events)

    def _late(self) -> list[str]:
        views = self._operations.context.follower.views.connection
        now = self._operations.context.world.now()
        return [one for one in query.never_due(views) if self._is_late(one, now)]

    def _give_up(self, command: Command, late: Sequence[str]) -> None:
        for interaction_id in late:
            dossier = self._dossier(command, interaction_id)
            for link in list(dossier.state.links.values()):
                if link.linked and not link.due:
                    dossier.carry_out(MakeDue(link.link_id, "wrap_up_timeout"))

    def _is_late(self, interaction_id: str, now: datetime) -> bool:
        stream = self._store.read_stream(interaction_id)
        conversation = conversation_of(stream, self._settings)
        patience = timedelta(minutes=self._settings.wrap_up_minutes)
        return (
            conversation.waits_for_wrap_up
            and conversation.ended_at is not None
            and conversation.ended_at + patience <= now
        )


def _is_retraction(fact: Fact) -> bool:
    return isinstance(fact, InteractionChanged) and fact.change.kind == "retracted"
