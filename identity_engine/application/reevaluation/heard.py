"""Values that interactions gave in their messages, where their contacts came to hold them by that.

A message never moves a link. What it added to its contact leads later interactions there, so it counts
for re-evaluation as well; a value of somebody else that it named was proposed to a person and does not.
"""

from collections.abc import Iterable, Iterator, Sequence

from aggregates.identifier import IdentifierState
from aggregates.policy import AT_MOST_WEAK
from aggregates.values import IdentifierClass, InteractionId
from identity_engine.event_store.conversation_tables import load_heard
from identity_engine.event_store.index_tables import IndexTables
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow
from projections.sql import Cursor


class Heard:
    """What was heard in the interactions of one step.

    Args:
        tables, cursor: the stored rows.
        index: the working set.
    """

    def __init__(self, tables: IndexTables, cursor: Cursor, index: MatchIndex) -> None:
        self._tables, self._cursor, self._index = tables, cursor, index
        self._in: dict[InteractionId, Sequence[bytes]] = {}
        self._hubs: set[bytes] = set()

    def load(self, interaction_ids: Iterable[InteractionId]) -> None:
        """Load what was heard in these interactions, one query for all."""
        asked = [one for one in dict.fromkeys(interaction_ids) if one not in self._in]
        found = load_heard(self._cursor, asked) if asked else {}
        self._in |= {one: found.get(one, ()) for one in asked}

    def load_users(self, digests: Iterable[bytes], most: int) -> list[int]:
        """Load the interactions in which somebody came to hold these values, and return their numbers; a
        value that more than `most` made somebody hold leads nowhere."""
        named = {digest: self._vouching(digest) for digest in digests}
        self._hubs |= {digest for digest, some in named.items() if len(some) > most}
        named = {digest: some for digest, some in named.items() if digest not in self._hubs}
        self.load(one for some in named.values() for one in some)
        heard = {one for digest, some in named.items() for one in some if digest in self._in[one]}
        unknown = [one for one in heard if self._index.interaction_by_id(one) is None]
        if unknown:
            self._tables.load_linked(self._cursor, self._index, unknown)
        rows = map(self._index.interaction_by_id, sorted(heard))
        return [row.number for row in rows if row is not None]

    def values_of(self, row: InteractionRow) -> Sequence[bytes]:
        """Return the digests of what was heard in an interaction, which is loaded."""
        return self._in.get(row.interaction_id, ())

    def uses(self, digest: bytes) -> Iterator[tuple[InteractionRow, IdentifierClass]]:
        """Yield each interaction in which a value was heard, and what it may decide there."""
        known = self._index.identifiers.get(digest)
        for interaction_id in self._vouching(digest) if digest not in self._hubs else ():
            row = self._index.interaction_by_id(interaction_id)
            if row is not None and digest in self.values_of(row) and known and known.state:
                yield row, _class_in(known.state, interaction_id)

    def exclusive(self, row: InteractionRow) -> dict[str, bytes]:
        """Return the values heard of which a person has one: type -> digest."""
        values = self.values_of(row)
        contact = self._index.contacts.get(row.contact_id) if values and row.contact_id else None
        held = contact.state.exclusive if contact is not None else {}
        types = {identifier_id: type_ for type_, identifier_id in held.items()}
        found = ((one, self._index.identifiers.get(one)) for one in values)
        return {
            types[known.identifier_id]: digest
            for digest, known in found
            if known is not None and known.identifier_id in types
        }

    def _vouching(self, digest: bytes) -> list[InteractionId]:
        """Return the interactions on whose word a value is or was held, each once."""
        known = self._index.identifiers.get(digest)
        held = known.state.holdings if known is not None and known.state is not None else ()
        named = (
            id_
            for one in held
            if one.valid_to != one.valid_from
            for id_ in (one.interaction_id, one.verified_by)
        )
        return list(dict.fromkeys(id_ for id_ in named if id_ is not None))


def _class_in(state: IdentifierState, interaction_id: InteractionId) -> IdentifierClass:
    class_ = state.identifier_class
    verified = any(one.verified_by == interaction_id for one in state.holdings)
    return class_ if verified or class_ in AT_MOST_WEAK else IdentifierClass.WEAK
