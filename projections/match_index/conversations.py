"""How conversations went on, as far as a decision asks: which changes are known, which ones wait, and
what messages made contacts claim.

Changes are loaded only for a batch that has some; a batch of interactions looks for waiting ones only
where there are any at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from aggregates.change import InteractionChanged, InteractionChangeDeferred
from aggregates.values import InteractionId
from projections.match_index.rows import ChangeRow, WaitingChange


class Conversations:
    """The changes of a batch, and what its own events add.

    `last_waiting` is the number of the last row that waits, 0 where none does.
    """

    def __init__(self, last_waiting: int = 0) -> None:
        self.last_waiting = last_waiting
        self._changes: dict[bytes, ChangeRow] = {}
        self.fresh: list[ChangeRow] = []
        self._asked: set[bytes] = set()
        self._waiting: defaultdict[bytes, dict[bytes, WaitingChange]] = defaultdict(dict)
        self._keys_of_waiting: dict[bytes, bytes] = {}
        self.deferred: dict[bytes, WaitingChange] = {}
        self.came: list[bytes] = []
        self.heard: dict[tuple[InteractionId, bytes], None] = {}

    def add_changes(self, asked: Iterable[bytes], rows: Iterable[ChangeRow]) -> None:
        """Take in the changes that the store knows among the natural keys asked for."""
        self._asked.update(asked)
        for row in rows:
            self._changes[row.natural_key] = row

    def add_waiting(self, rows: Iterable[WaitingChange]) -> None:
        """Take in changes that wait, in the order in which they came."""
        for row in rows:
            self._wait(row)

    def change(self, natural_key: bytes) -> ChangeRow | None:
        """Return the change that was received under this natural key of its own."""
        return self._changes.get(natural_key)

    def waiting_for(self, interaction_key: bytes) -> Sequence[WaitingChange]:
        """Return what waits for an interaction, by the interaction's natural key."""
        return list(self._waiting.get(interaction_key, {}).values())

    def unknown_changes(self) -> frozenset[bytes]:
        """Return the natural keys that were asked for and not found."""
        return frozenset(self._asked - (self._changes.keys() - {r.natural_key for r in self.fresh}))

    def note(self, interaction_id: InteractionId, fact: InteractionChanged) -> None:
        """Take in a change of an interaction; it waits no longer if it did."""
        row = self._know(interaction_id, fact)
        if self.deferred.pop(row.natural_key, None) is None:
            self.came.append(row.natural_key)
        waited_for = self._keys_of_waiting.pop(row.natural_key, None)
        if waited_for is not None:
            del self._waiting[waited_for][row.natural_key]

    def defer(self, stream_id: str, fact: InteractionChangeDeferred) -> None:
        """Take in a change that came before its interaction."""
        row = self._know(fact.interaction_id, fact)
        waiting = WaitingChange(
            row.natural_key,
            bytes.fromhex(fact.interaction_key),
            fact.interaction_id,
            InteractionId(stream_id),
        )
        self.deferred[row.natural_key] = waiting
        self._wait(waiting)

    def seal_waiting(self, subject: str, key_id: int) -> None:
        """Note the key of what was deferred; other subjects are passed."""
        for row in self.deferred.values():
            if row.interaction_id == subject:
                row.key_id = key_id

    def hear(self, interaction_id: InteractionId, digest: bytes) -> None:
        """Note that a value was claimed on the word of a message, not of the interaction itself."""
        self.heard[interaction_id, digest] = None

    def _wait(self, row: WaitingChange) -> None:
        self._waiting[row.interaction_key].setdefault(row.natural_key, row)
        self._keys_of_waiting[row.natural_key] = row.interaction_key

    def _know(
        self, interaction_id: InteractionId, fact: InteractionChanged | InteractionChangeDeferred
    ) -> ChangeRow:
        key = bytes.fromhex(fact.change.natural_key)
        known = self._changes.get(key)
        if known is not None:
            return known
        row = ChangeRow(key, bytes.fromhex(fact.change.content_digest), interaction_id)
        self._changes[key] = row
        self.fresh.append(row)
        return row
