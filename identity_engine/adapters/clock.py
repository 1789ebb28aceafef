"""The outside world's time and chance, behind a port that a test can seed."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random


def system_time() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class World:
    """Where time and random bytes come from.

    Args:
        now: the present time, aware UTC.
        entropy: that many random bytes, fit for keys.
    """

    now: Callable[[], datetime] = system_time
    entropy: Callable[[int], bytes] = os.urandom
    _last: int = field(default=0, init=False)

    @classmethod
    def seeded(cls, seed: int, now: Callable[[], datetime]) -> "World":
        """Return a world that repeats itself, for tests; its keys protect nothing."""
        return cls(now, Random(seed).randbytes)  # noqa: S311 - said above

    def new_id(self) -> str:
        """Return a fresh UUIDv7 (RFC 9562), greater than every one before it in this process.

        The 12 bits behind the milliseconds count up within one, so ids made in one batch keep their
        order and insert side by side in the B-tree.
        """
        moment = int(self.now().timestamp() * 1000) << 12
        self._last = moment if moment > self._last else self._last + 1
        text = f"{self._last >> 12:012x}7{self._last & 0xFFF:03x}"
        tail = int.from_bytes(self.entropy(8), "big") & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000
        rest = f"{tail:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{rest[:4]}-{rest[4:]}"
