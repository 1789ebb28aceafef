"""Stream ids as the 16 bytes that are stored and as the text that everybody reads."""

from functools import lru_cache
from uuid import UUID

CACHED_IDS = 20_000
"""An id is met several times in a batch: in its events, its index rows and its links."""


@lru_cache(maxsize=CACHED_IDS)
def id_bytes(stream_id: UUID | str) -> bytes:
    """Return the 16 bytes of a stream id."""
    return (
        stream_id.bytes
        if isinstance(stream_id, UUID)
        else bytes.fromhex(stream_id.replace("-", ""))
    )


@lru_cache(maxsize=CACHED_IDS)
def id_text(stored: bytes) -> str:
    """Return a stream id from its 16 bytes."""
    text = stored.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
