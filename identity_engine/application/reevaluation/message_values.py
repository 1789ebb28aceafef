"""Values that interactions gave in their messages, where their contacts held them or came to by that.

A message never moves a link. What it added to its contact leads later interactions there, so it counts
for re-evaluation as well; a value of somebody else that it named was proposed to a person and does not.
Who heard what is noted once and hangs on nothing that re-evaluation changes.
"""

from collections.abc import Iterable, Iterator, Sequence

from aggregates.policy import AT_MOST_WEAK
from aggregates.values import IdentifierClass, InteractionId
from identity_engine.application.resolution.meaning import Meaning
from identity_engine.event_store.match_index.conversation_tables import load_heard, load_hearers
from identity_engine.event_store.match_index.index_reader import IndexReader
from projections.match_index.conversations import Heard
from projections.match_index.rows import InteractionRow


class Hearing:
    """What was heard in the interactions of one step.

    Args:
        reader: of the step.
        meaning: of mentions, under the policy in force.
    """

    def __init__(self, reader: IndexReader, meaning: Meaning) -> None:
        self._reader, self._index = reader, reader.index
        self._meaning = meaning
        self._in: dict[InteractionId, Sequence[bytes]] = {}
        self._of: dict[bytes, list[Heard]] = {}

    def load(self, rows: Sequence[InteractionRow]) -> None:
        """Load what was heard in these interactions."""
        ids = [row.interaction_id for row in rows]
        found = load_heard(self._reader.cursor, ids)
        self._in |= {one: found.get(one, ()) for one in ids}

    def load_users(self, digests: Iterable[bytes]) -> list[int]:
        """Load the interactions in which these values were heard, and return their numbers."""
        fresh = [digest for digest in digests if digest not in self._of]
        told = load_hearers(self._reader.cursor, fresh)
        self._of |= {digest: [] for digest in fresh}
        for one in told:
            self._of[one.digest].append(one)
        ids = {one.interaction_id for one in told}
        unknown = [one for one in sorted(ids) if self._index.interaction_by_id(one) is None]
        if unknown:
            self._reader.load_linked(unknown)
        rows = map(self._index.interaction_by_id, ids)
        return [row.number for row in rows if row is not None]

    def values_of(self, row: InteractionRow) -> Sequence[bytes]:
        """Return the digests of what was heard in an interaction, which is loaded."""
        return self._in.get(row.interaction_id, ())

    def uses(self, digest: bytes) -> Iterator[tuple[InteractionRow, IdentifierClass]]:
        """Yield each interaction in which a value was heard, and what it may decide there."""
        known = self._index.identifiers.get(digest)
        if known is None or known.state is None:
            return
        class_ = known.state.identifier_class
        for one in self._of.get(digest, ()):
            row = self._index.interaction_by_id(one.interaction_id)
            if row is not None:
                decides = self._meaning.shows(one, row) or class_ in AT_MOST_WEAK
                yield row, class_ if decides else IdentifierClass.WEAK

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
