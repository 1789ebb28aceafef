"""Stages after links were moved (GX-0).

Whoever got the exact link of a second interaction is identified. Whoever was so by a link alone that is
gone, and has no other such link, falls.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aggregates import contact as contacts
from aggregates.contact import ContactIdentified, Identify, UndoIdentification
from aggregates.identity import BY_LINK, LASTING, RAISING
from aggregates.interaction import InteractionLinked
from aggregates.values import ContactId, Evidence, Fact, Stage
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.reevaluation.moments import time_of
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from projections.match_index.rows import InteractionRow


class Move(NamedTuple):
    """A link that went from one contact to another, and why."""

    row: InteractionRow
    before: ContactId
    target: ContactId
    evidence: Evidence


class Stages:
    """Raises and lowers contacts after the moves of one step.

    Args:
        store: has what was written before the step.
        reader: of the step; in its working set the moves are done, with all interactions of their
            contacts.
        fact_writer: has written the moves.
    """

    def __init__(self, store: EventStore, reader: IndexReader, fact_writer: FactWriter) -> None:
        self._store, self._cursor, self._index = store, reader.cursor, reader.index
        self._fact_writer = fact_writer

    def settle(self, moves: Sequence[Move]) -> None:
        """Let the contacts of some moves have the stage that their links give them."""
        lost = {one.before: one.row for one in moves if self._rests_on_links(one.before)}
        facts = self._facts([*lost, *self._interactions(lost)])
        for contact_id, row in sorted(lost.items()):
            if self._is_by_link(facts[contact_id]) and not any(
                _raises(facts[one]) for one in self._interactions([contact_id])
            ):
                self._write(contact_id, row, UndoIdentification(row.interaction_id))
        for row, _, target, evidence in moves:
            if evidence.rule in LASTING and self._index.contacts[target].state.interactions > 1:
                identifier_id = evidence.identifiers[0] if evidence.identifiers else None
                command = Identify("second_interaction", row.interaction_id, identifier_id)
                self._write(target, row, command)

    def _rests_on_links(self, contact_id: ContactId) -> bool:
        state = self._index.contacts[contact_id].state
        return state.stage is Stage.IDENTIFIED and not state.exclusive

    def _interactions(self, contact_ids: Iterable[ContactId]) -> list[str]:
        rows = (row for one in contact_ids for row in self._index.interactions_of(one))
        return [row.interaction_id for row in rows if not row.is_by_hand]

    def _facts(self, streams: Sequence[str]) -> dict[str, list[Fact]]:
        """Return all facts of these streams, those of this step last; one query."""
        facts: dict[str, list[Fact]] = {stream: [] for stream in streams}
        for event in self._store.read_streams(streams, cursor=self._cursor) if streams else ():
            facts[event.stream_id].append(event.fact)
        for pending in self._fact_writer.events:
            if pending.stream_id in facts:
                facts[pending.stream_id].append(pending.fact)
        return facts

    def _is_by_link(self, facts: Sequence[Fact]) -> bool:
        raised = [fact for fact in facts if isinstance(fact, ContactIdentified)]
        return bool(raised) and raised[-1].by in BY_LINK

    def _write(
        self, contact_id: ContactId, row: InteractionRow, command: contacts.ContactCommand
    ) -> None:
        known = self._index.contacts[contact_id]
        facts = contacts.decide(known.state, command)
        self._fact_writer.write(contact_id, time_of(row), facts)


def _raises(facts: Sequence[Fact]) -> bool:
    """Tell whether the last link of an interaction would have raised its contact."""
    links = [fact for fact in facts if isinstance(fact, InteractionLinked)]
    return bool(links) and links[-1].evidence.rule in RAISING
