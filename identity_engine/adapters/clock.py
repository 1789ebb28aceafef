"""The outside world's time and chance, behind a port that a test can seed."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

IDS_DRAWN = 64
"""Ids for which random bytes are drawn at once: a system call costs more than all the rest."""
VARIANT = bytes(0x80 | byte & 0x3F for byte in range(0x100))
"""What the byte becomes that says which variant of a UUID this is."""


def system_time() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


class World:
    """Where time and random bytes come from.

    Args:
        now: the present time, aware UTC.
        entropy: that many random bytes, fit for keys.
        nanoseconds: the same time since 1970, for ids.
    """

    __slots__ = ("_endings", "_last", "_stamp", "_stamped", "entropy", "nanoseconds", "now")

    def __init__(
        self,
        now: Callable[[], datetime] = system_time,
        entropy: Callable[[int], bytes] = os.urandom,
        nanoseconds: Callable[[], int] = time.time_ns,
    ) -> None:
        self.now, self.entropy, self.nanoseconds = now, entropy, nanoseconds
        self._last, self._stamped, self._stamp = 0, -1, ""
        self._endings: list[str] = []

    @classmethod
    def seeded(cls, seed: int, now: Callable[[], datetime]) -> "World":
        """Return a world that repeats itself, for tests; its keys protect nothing."""
        chance = Random(seed)  # noqa: S311 - said above
        return cls(now, chance.randbytes, lambda: int(now().timestamp() * 1000) * 1_000_000)

    def new_id(self) -> str:
        """Return a fresh UUIDv7 (RFC 9562), greater than every one before it in this process.

        The 12 bits behind the milliseconds count up within one, so ids made in one batch keep their
        order and insert side by side in the B-tree; 62 bits behind them are random.
        """
        moment = self.nanoseconds() // 1_000_000 << 12
        last = self._last = moment if moment > self._last else self._last + 1
        millisecond = last >> 12
        if millisecond != self._stamped:
            text = f"{millisecond:012x}"
            self._stamped, self._stamp = millisecond, f"{text[:8]}-{text[8:]}-7"
        if not self._endings:
            self._endings = self._draw()
        return f"{self._stamp}{last & 0xFFF:03x}-{self._endings.pop()}"

    def _draw(self) -> list[str]:
        chance = bytearray(self.entropy(IDS_DRAWN * 8))
        chance[::8] = chance[::8].translate(VARIANT)
        return [chance[at : at + 8].hex("-", 6) for at in range(0, IDS_DRAWN * 8, 8)]
