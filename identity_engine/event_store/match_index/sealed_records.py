"""Match records at rest: sealed under the data key of their interaction, opened a batch at once."""

from collections.abc import Callable, Sequence

from identity_engine.event_store.ids import id_bytes
from identity_engine.event_store.keys import NONCE_BYTES, KeyRing
from matchers.record import MatchRecord, pack, unpack
from projections.match_index.rows import InteractionRow

CACHED_RECORDS = 60_000
"""Opened records kept: some 400 bytes each."""

Closed = tuple[int, bytes, int, bytes | None]
"""Number, interaction id, key id and sealed part of an index row."""

Opened = tuple[str, MatchRecord | None]
"""Name of an interaction and its match record, None where there is nothing to compare."""


class SealedRecords:
    """Seals and opens match records; keeps the opened ones of late.

    They are kept by interaction id and nonce: a number may go to another row after a rolled-back
    write, and a correction seals another record.

    Args:
        keys: opens the data keys.
        entropy: source of nonces.
    """

    def __init__(self, keys: KeyRing, entropy: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._entropy = entropy
        self._opened: dict[bytes, Opened] = {}

    def open(self, rows: Sequence[Closed]) -> dict[int, Opened]:
        """Return the records by number, all missing keys in one query; none where it was erased."""
        opened = {
            number: self._opened[id_ + sealed[:NONCE_BYTES]]
            for number, id_, _, sealed in rows
            if sealed is not None and id_ + sealed[:NONCE_BYTES] in self._opened
        }
        closed = [
            (number, id_, key_id, sealed)
            for number, id_, key_id, sealed in rows
            if sealed is not None and number not in opened
        ]
        ciphers = self._keys.ciphers(key_id for _, _, key_id, _ in closed)
        for number, interaction_id, key_id, sealed in closed:
            cipher = ciphers[key_id]
            if cipher is not None:
                nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
                opened[number] = _read(cipher.decrypt(nonce, ciphertext, _bound(interaction_id)))
                self._remember(interaction_id + nonce, opened[number])
        return opened

    def seal(self, rows: Sequence[InteractionRow]) -> list[bytes | None]:
        """Return the sealed parts of new rows, in order; None where the interaction was erased."""
        ciphers = self._keys.ciphers(row.key_id for row in rows if row.name)
        sealed: list[bytes | None] = []
        for row in rows:
            cipher = ciphers.get(row.key_id)
            if not row.name or cipher is None:
                sealed.append(None)
                continue
            nonce = self._entropy(NONCE_BYTES)
            interaction_id = id_bytes(row.interaction_id)
            content = _written(row.name, row.record)
            sealed.append(nonce + cipher.encrypt(nonce, content, _bound(interaction_id)))
            self._remember(interaction_id + nonce, (row.name, row.record))
        return sealed

    def forget(self) -> None:
        """Drop what is kept in memory, after rows were undone or replaced."""
        self._opened.clear()

    def _remember(self, sealed: bytes, opened: Opened) -> None:
        if len(self._opened) >= CACHED_RECORDS:
            for old in list(self._opened)[: CACHED_RECORDS // 10]:
                del self._opened[old]
        self._opened[sealed] = opened


def _written(name: str, record: MatchRecord | None) -> bytes:
    named = name.encode()
    return len(named).to_bytes(2, "big") + named + (b"" if record is None else pack(record))


def _read(content: bytes) -> Opened:
    end = 2 + int.from_bytes(content[:2], "big")
    return content[2:end].decode(), unpack(content[end:]) if content[end:] else None


def _bound(interaction_id: bytes) -> bytes:
    return b"record" + interaction_id
