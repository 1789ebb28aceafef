"""Stages by the final clusters (GX-0).

A contact is identified while one of its interactions shows a lasting person by itself, or two of them
together; an identity also where two interactions of different members do. So the stage does not hang on
which of them came first, nor on what was known of a value when they came.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from aggregates import contact as contacts
from aggregates.contact import ContactIdentified, IdentifiedBy, Identify, UndoIdentification
from aggregates.values import ContactId, IdentifierId, Stage
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.reevaluation.moments import last_seen, time_of
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from projections.match_index.rows import InteractionRow

LastingValues = Callable[[InteractionRow], Iterable[tuple[IdentifiedBy, bytes]]]
"""The values of an interaction that show a lasting person by themselves: why, and the digest of each."""


class Reason(NamedTuple):
    """Why a contact is identified: the interaction that showed it, and the value, by its digest."""

    by: IdentifiedBy
    row: InteractionRow
    digest: bytes

    @property
    def contact_id(self) -> ContactId:
        """Whom it identifies."""
        assert self.row.contact_id is not None, "it takes part"
        return self.row.contact_id


class Stages:
    """Raises and lowers the contacts of one step.

    Args:
        store: has what was written before the step.
        reader: of the step; in its working set the moves are done.
        fact_writer: writes the facts.
        rows: all that take part.
        pairs: of these, those that show a lasting person together.
        lasting_values: of one of the rows.
    """

    def __init__(
        self,
        store: EventStore,
        reader: IndexReader,
        fact_writer: FactWriter,
        rows: Collection[InteractionRow],
        pairs: Collection[tuple[InteractionRow, InteractionRow, bytes]],
        lasting_values: LastingValues,
    ) -> None:
        self._store, self._reader, self._index = store, reader, reader.index
        self._fact_writer, self._pairs = fact_writer, pairs
        self._alone = [
            Reason(by, row, digest) for row in rows for by, digest in lasting_values(row)
        ]

    def showing(self) -> set[int]:
        """Return the numbers of the rows that show a lasting person, by themselves or with another."""
        together = {row.number for one, other, _ in self._pairs for row in (one, other)}
        return together.union(reason.row.number for reason in self._alone)

    def settle(self, contact_ids: Iterable[ContactId]) -> None:
        """Let contacts have the stage that their interactions give them, once the links are moved."""
        reasons, falling = self._reasons(), []
        for contact_id in sorted(contact_ids):
            state, reason = self._index.contacts[contact_id].state, reasons.get(contact_id)
            if state.stage is Stage.EPHEMERAL and reason is not None:
                self._raise(contact_id, reason)
            elif state.stage is Stage.IDENTIFIED and state.is_live and reason is None:
                falling.append(contact_id)
        shown = {reason.contact_id for reason, _, _ in self._of_pairs()}
        self._lower([one for one in falling if one not in shown and not self._is_vouched_for(one)])

    def settle_identities(self) -> None:
        """Let an identity be identified of which two members show a lasting person together, although
        their merge rests on something else; once all merges are made."""
        for reason, one, other in self._of_pairs():
            is_one = self._index.are_one(one, other)
            if is_one and self._index.identity(one).stage is Stage.EPHEMERAL:
                self._raise(reason.contact_id, reason)

    def _reasons(self) -> dict[ContactId, Reason]:
        """Return the earliest reason of each contact that has one, of what people said the last."""
        found: dict[ContactId, Reason] = {}
        for reason in sorted(self._all_reasons(), key=_turn):
            found.setdefault(reason.contact_id, reason)
        return found

    def _all_reasons(self) -> Iterator[Reason]:
        yield from self._alone
        for reason, one, other in self._of_pairs():
            if one == other:
                yield reason

    def _of_pairs(self) -> Iterator[tuple[Reason, ContactId, ContactId]]:
        """Yield what each pair shows, and the contacts of its two records."""
        for one, other, digest in self._pairs:
            assert one.contact_id is not None
            assert other.contact_id is not None
            row = one if other.is_by_hand else other
            yield Reason("second_interaction", row, digest), one.contact_id, other.contact_id

    def _is_vouched_for(self, contact_id: ContactId) -> bool:
        """Tell whether a person linked an interaction to a contact, or let it keep an identifier that
        only one person can have when its interaction went elsewhere."""
        rows = self._index.interactions_of(contact_id)
        if any(row.pinned and not row.is_by_hand for row in rows):
            return True
        kept = self._index.contacts[contact_id].state.exclusive.values()
        self._reader.load_identifier_streams(
            [one for one in kept if self._index.identifier(one) is None]
        )
        return any(self._was_corrected(one, contact_id) for one in kept)

    def _was_corrected(self, identifier_id: IdentifierId, contact_id: ContactId) -> bool:
        """Tell whether a person took an interaction with a value from an identity."""
        value = self._index.identifier(identifier_id)
        members = self._index.members_of(contact_id)
        corrections = value.state.corrections if value is not None and value.state else ()
        return any(one.contact_id in members for one in corrections)

    def _raise(self, contact_id: ContactId, reason: Reason) -> None:
        if reason.row.is_by_hand:
            return  # what people say of a contact holds it up; it takes an interaction to raise it
        value = self._index.identifiers.get(reason.digest)
        identifier_id = None if value is None else value.identifier_id
        command = Identify(reason.by, reason.row.interaction_id, identifier_id)
        self._write(contact_id, time_of(reason.row), command)

    def _lower(self, contact_ids: Sequence[ContactId]) -> None:
        """Take back what raised contacts, which their interactions show no more; one query."""
        if not contact_ids:
            return
        events = self._store.read_streams(contact_ids, cursor=self._reader.cursor)
        raised = {
            ContactId(event.stream_id): event.fact
            for event in events
            if isinstance(event.fact, ContactIdentified)
        }
        for contact_id in contact_ids:
            fact = raised.get(contact_id)
            if fact is None or fact.interaction_id is None or self._stands(contact_id, fact):
                continue
            time = last_seen(self._reader, [contact_id])
            self._write(contact_id, time, UndoIdentification(fact.interaction_id))

    def _stands(self, contact_id: ContactId, raised: ContactIdentified) -> bool:
        """Tell whether a link raised a contact that is there still, and the other interaction with its
        value is not because a person took one from the contact: that alone lowers nobody. Since then
        the value leads to the contact no more, so that no pair tells of it."""
        if raised.interaction_id is None or raised.identifier_id is None:
            return False
        row = self._index.interaction_by_id(raised.interaction_id)
        value = self._index.identifier(raised.identifier_id)
        if row is None or row.contact_id != contact_id or value is None or value.state is None:
            return False
        return not value.state.shared and self._was_corrected(value.identifier_id, contact_id)

    def _write(
        self, contact_id: ContactId, time: datetime, command: contacts.ContactCommand
    ) -> None:
        state = self._index.contacts[contact_id].state
        self._fact_writer.write(contact_id, time, contacts.decide(state, command))


def _turn(reason: Reason) -> tuple[bool, int, str]:
    return reason.row.is_by_hand, reason.row.time, reason.row.name
