"""Claims after a move: whoever is left behind holds a value still if another interaction gave it too."""

from collections.abc import Iterable

from aggregates import ownership
from aggregates.interaction import InteractionReceived
from aggregates.values import ContactId, Erased
from identity_engine.application.pen import Pen, Seal
from identity_engine.application.resolution.claiming import claim_of
from identity_engine.application.resolution.prepare import considered
from identity_engine.application.rules import Rules
from identity_engine.event_store.keys import DataKey
from identity_engine.event_store.store import EventStore
from projections.match_index.index import MatchIndex
from projections.match_index.rows import IdentifierRow, InteractionRow
from projections.sql import Cursor


class Claims:
    """Claims a value anew for contacts that its claim was taken from.

    Args:
        store: has what the interactions said, and their keys.
        cursor: the step's transaction.
        index: its working set, in which the moves are done.
        rules: those in force.
        pen: writes the facts.
    """

    def __init__(
        self, store: EventStore, cursor: Cursor, index: MatchIndex, rules: Rules, pen: Pen
    ) -> None:
        self._store, self._cursor, self._index = store, cursor, index
        self._rules, self._pen = rules, pen

    def renew(self, left: Iterable[tuple[ContactId, bytes]]) -> None:
        """Let each contact hold the value of a digest on the word of the earliest of its interactions
        that gave it, and of later ones where that claim ends."""
        for contact_id, digest in left:
            row = self._index.identifiers[digest]
            for giver in self._givers(contact_id, digest):
                self._claim(contact_id, row, giver)
                if row.state is not None and row.state.is_held_by(contact_id):
                    break

    def _givers(self, contact_id: ContactId, digest: bytes) -> list[InteractionRow]:
        rows = self._index.interactions_of(contact_id)
        giving = (row for row in rows if any(digest == one.digest for one in row.mentions))
        return sorted(giving, key=lambda row: (row.time, row.name))

    def _claim(self, contact_id: ContactId, row: IdentifierRow, giver: InteractionRow) -> None:
        subject, policy = giver.interaction_id, self._rules.policy
        event = self._store.read_stream(subject, cursor=self._cursor)[0]
        received, cipher = event.fact, self._store.keys.ciphers([event.key_id])[event.key_id]
        assert isinstance(received, InteractionReceived)
        if isinstance(received.personal, Erased) or cipher is None:
            return
        given = considered(received.personal.identifiers, giver.mentions, received.channel, policy)
        for one in given:
            if one.digest == row.digest:
                time = event.header.valid_from
                claim = claim_of(contact_id, subject, received, time, one, policy)
                seal = Seal(subject, DataKey(event.key_id, cipher))
                for fact in ownership.decide(row.state, claim):
                    self._pen.write(row.identifier_id, row.version + 1, time, fact, seal)
