"""Stages after links were moved (GX-0).

Whoever got the exact link of a second interaction is identified, and whoever is born of an interaction
that shows a lasting person by itself. Whoever was so by a link or a birth that is gone, and has nothing
else as good, falls.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from aggregates import contact as contacts
from aggregates.contact import ContactIdentified, IdentifiedBy, Identify, UndoIdentification
from aggregates.identity import BY_LINK, LASTING, RAISING
from aggregates.interaction import InteractionLinked
from aggregates.values import ContactId, Evidence, Fact, IdentifierId, Stage
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.reevaluation.moments import time_of
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from projections.match_index.rows import InteractionRow

LastingValues = Callable[[InteractionRow], Iterable[tuple[IdentifiedBy, bytes]]]
"""The values of an interaction that show a lasting person by themselves: why, and the digest of each."""


class Move(NamedTuple):
    """A link that went from one contact to another, and why; the other may be born with it."""

    row: InteractionRow
    before: ContactId
    target: ContactId
    evidence: Evidence
    is_birth: bool


class Stages:
    """Raises and lowers contacts after the moves of one step.

    Args:
        store: has what was written before the step.
        reader: of the step; in its working set the moves are done, with all interactions of their
            contacts.
        fact_writer: has written the moves.
        lasting_values: of an interaction of the step.
    """

    def __init__(
        self,
        store: EventStore,
        reader: IndexReader,
        fact_writer: FactWriter,
        lasting_values: LastingValues,
    ) -> None:
        self._store, self._cursor, self._index = store, reader.cursor, reader.index
        self._fact_writer, self._lasting_values = fact_writer, lasting_values

    def settle(self, moves: Sequence[Move]) -> None:
        """Let the contacts of some moves have the stage that their links give them."""
        lost = {one.before: one.row for one in moves if self._may_fall(one.before)}
        facts = self._facts([*lost, *self._interactions(lost)])
        for contact_id, row in sorted(lost.items()):
            if self._rested_on_what_left(contact_id, facts[contact_id]) and not (
                any(_raises(facts[one]) for one in self._interactions([contact_id]))
                or any(self._reason(one, contact_id) for one in self._rows(contact_id))
            ):
                self._write(contact_id, row, UndoIdentification(row.interaction_id))
        for row, _, target, evidence, is_birth in moves:
            if evidence.rule in LASTING and self._index.contacts[target].state.interactions > 1:
                identifier_id = evidence.identifiers[0] if evidence.identifiers else None
                command = Identify("second_interaction", row.interaction_id, identifier_id)
                self._write(target, row, command)
            elif is_birth and (reason := self._reason(row, target)) is not None:
                by, identifier_id = reason
                self._write(target, row, Identify(by, row.interaction_id, identifier_id))

    def _may_fall(self, contact_id: ContactId) -> bool:
        state = self._index.contacts[contact_id].state
        return state.stage is Stage.IDENTIFIED and not state.exclusive

    def _reason(
        self, row: InteractionRow, contact_id: ContactId
    ) -> tuple[IdentifiedBy, IdentifierId] | None:
        """Return why an interaction identifies a contact that is born with it: what shows a lasting
        person by itself and is the contact's."""
        for by, digest in self._lasting_values(row):
            known = self._index.identifiers.get(digest)
            if known is not None and known.state is not None and known.state.is_held_by(contact_id):
                return by, known.identifier_id
        return None

    def _rows(self, contact_id: ContactId) -> list[InteractionRow]:
        return [row for row in self._index.interactions_of(contact_id) if not row.is_by_hand]

    def _interactions(self, contact_ids: Iterable[ContactId]) -> list[str]:
        return [row.interaction_id for one in contact_ids for row in self._rows(one)]

    def _facts(self, streams: Sequence[str]) -> dict[str, list[Fact]]:
        """Return all facts of these streams, those of this step last; one query."""
        facts: dict[str, list[Fact]] = {stream: [] for stream in streams}
        for event in self._store.read_streams(streams, cursor=self._cursor) if streams else ():
            facts[event.stream_id].append(event.fact)
        for pending in self._fact_writer.events:
            if pending.stream_id in facts:
                facts[pending.stream_id].append(pending.fact)
        return facts

    def _rested_on_what_left(self, contact_id: ContactId, facts: Sequence[Fact]) -> bool:
        raised = [fact for fact in facts if isinstance(fact, ContactIdentified)]
        if not raised:
            return False
        return raised[-1].by in BY_LINK or (
            raised[-1].interaction_id is not None
            and raised[-1].interaction_id not in self._interactions([contact_id])
        )

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
