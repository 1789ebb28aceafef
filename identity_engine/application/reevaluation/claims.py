"""Claims after a move: whoever is left behind holds a value still if another interaction gave it too."""

from collections.abc import Collection, Iterable

from aggregates import ownership
from aggregates.values import ContactId, InteractionId
from identity_engine.application.fact_writer import FactWriter, Seal
from identity_engine.application.resolution.claiming import claim_of
from identity_engine.application.resolution.statements import statements
from identity_engine.application.rules import Rules
from identity_engine.event_store.keys import DataKey
from identity_engine.event_store.match_index.conversation_tables import load_hearers
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from projections.match_index.rows import IdentifierRow, InteractionRow


class Claims:
    """Claims a value anew for contacts that its claim was taken from.

    Args:
        store: has what the interactions said, and their keys.
        reader: of the step; in its working set the moves are done.
        rules: those in force.
        fact_writer: writes the facts.
    """

    def __init__(
        self, store: EventStore, reader: IndexReader, rules: Rules, fact_writer: FactWriter
    ) -> None:
        self._store, self._cursor, self._index = store, reader.cursor, reader.index
        self._rules, self._fact_writer = rules, fact_writer

    def renew(self, left: Iterable[tuple[ContactId, bytes]]) -> None:
        """Let each contact hold the value of a digest on the word of the earliest of its interactions
        that gave it, itself or in a message, and of later ones where that claim ends."""
        wanted = list(left)
        heard = load_hearers(self._cursor, dict.fromkeys(digest for _, digest in wanted))
        hearers = {(one.interaction_id, one.digest) for one in heard}
        for contact_id, digest in wanted:
            row = self._index.identifiers[digest]
            for giver in self._givers(contact_id, digest, hearers):
                self._claim(contact_id, row, giver)
                if row.state is not None and row.state.is_held_by(contact_id):
                    break

    def _givers(
        self, contact_id: ContactId, digest: bytes, hearers: Collection[tuple[InteractionId, bytes]]
    ) -> list[InteractionRow]:
        giving = (
            row
            for row in self._index.interactions_of(contact_id)
            if not row.is_by_hand
            and (
                (row.interaction_id, digest) in hearers
                or any(digest == one.digest for one in row.mentions)
            )
        )
        return sorted(giving, key=lambda row: (row.time, row.name))

    def _claim(self, contact_id: ContactId, row: IdentifierRow, giver: InteractionRow) -> None:
        """Claim on the word of the first statement of an interaction that gives the value."""
        subject, policy = giver.interaction_id, self._rules.policy
        events = self._store.read_stream(subject, cursor=self._cursor)
        cipher = self._store.keys.ciphers([giver.key_id])[giver.key_id]
        if cipher is None:
            return
        division = self._index.contacts[contact_id].state.division
        for said in statements(events, division, policy, self._store.digests):
            for value in said.values:
                if value.digest == row.digest:
                    claim = claim_of(contact_id, subject, said.received, said.time, value, policy)
                    seal = Seal(subject, DataKey(giver.key_id, cipher))
                    facts = ownership.decide(row.state, claim)
                    self._fact_writer.write(row.identifier_id, said.time, facts, seal)
                    return
