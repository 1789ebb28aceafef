"""How conversations went on, as far as a decision asks: which changes are known, which ones wait, and
what messages made contacts claim.

Changes are loaded only for a batch that has some; a batch of interactions looks for waiting ones only
where there are any at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from aggregates.change import InteractionChanged, InteractionChangeDeferred
from aggregates.values import InteractionId


class ChangeRow(Struct, frozen=True):
    """A change of an interaction that was received: what names it, and what it said."""

    natural_key: bytes
    content_digest: bytes
    interaction_id: InteractionId


class WaitingChange(Struct):
    """A change that came before its interaction.

    `interaction_key` names the interaction, which will have the id `interaction_id` and the data key
    `key_id`; `stream` holds the event that waits.
    """

    natural_key: bytes
    interaction_key: bytes
    interaction_id: InteractionId
    stream: InteractionId
    key_id: int = 0


class Heard(Struct, frozen=True):
    """A value that messages of an interaction gave, and whether one showed that it is verified.

    `kind` is the type as which one gave it that did not say so: whether its channel vouches for that is
    the policy's answer. It is empty where none did.
    """

    interaction_id: InteractionId
    digest: bytes
    verified: bool
    kind: bytes = b""

    def together_with(self, other: "Heard") -> "Heard":
        """Return what two messages of the interaction say of the value."""
        return Heard(
            self.interaction_id,
            self.digest,
            self.verified or other.verified,
            max(self.kind, other.kind),
        )


class ConversationChanges(Struct):
    """What a batch adds: changes that were received, of which `deferred` wait and `came` wait no more;
    `heard` values were given by a message."""

    received: list[ChangeRow] = field(default_factory=list)
    deferred: list[WaitingChange] = field(default_factory=list)
    came: list[bytes] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)


class Conversations:
    """The changes of a batch, and what its own events add.

    `last_waiting` is the number of the last row that waits, 0 where none does.
    """

    def __init__(self, last_waiting: int = 0) -> None:
        self.last_waiting = last_waiting
        self._changes: dict[bytes, ChangeRow] = {}
        self._fresh: list[ChangeRow] = []
        self._asked: set[bytes] = set()
        self._waiting: defaultdict[bytes, dict[bytes, WaitingChange]] = defaultdict(dict)
        self._keys_of_waiting: dict[bytes, bytes] = {}
        self._deferred: dict[bytes, WaitingChange] = {}
        self._came: list[bytes] = []
        self._heard: dict[tuple[InteractionId, bytes], Heard] = {}

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
        return frozenset(
            self._asked - (self._changes.keys() - {r.natural_key for r in self._fresh})
        )

    def note(self, interaction_id: InteractionId, fact: InteractionChanged) -> None:
        """Take in a change of an interaction; it waits no longer if it did."""
        row = self._know(interaction_id, fact)
        if self._deferred.pop(row.natural_key, None) is None:
            self._came.append(row.natural_key)
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
        self._deferred[row.natural_key] = waiting
        self._wait(waiting)

    def seal(self, subject: str, key_id: int) -> None:
        """Note the key of what was deferred; other subjects are passed."""
        for row in self._deferred.values():
            if row.interaction_id == subject:
                row.key_id = key_id

    def hear(self, heard: Heard) -> None:
        """Note that a contact holds a value on the word of a message, not of the interaction itself."""
        place = heard.interaction_id, heard.digest
        self._heard[place] = self._heard.get(place, heard).together_with(heard)

    def just_heard(self) -> list[Heard]:
        """Return what this batch has heard."""
        return list(self._heard.values())

    def changes(self) -> ConversationChanges:
        """Return what has changed."""
        return ConversationChanges(
            self._fresh, list(self._deferred.values()), self._came, self.just_heard()
        )

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
        self._fresh.append(row)
        return row
