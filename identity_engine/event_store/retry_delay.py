"""How long to wait before something that failed outside is tried again."""

from collections.abc import Callable

FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3_600.0
CHANCE_BYTES = 2


def delay_seconds(
    attempts: int, entropy: Callable[[int], bytes], at_least: float | None = None
) -> float:
    """Return how long to wait after a failure: twice as long each time, up to an hour, less a part that
    chance decides, so that many workers do not come back at one moment.

    Args:
        attempts: failures so far, this one included.
        entropy: random bytes.
        at_least: seconds that the system outside asked for.
    """
    doubled: float = FIRST_DELAY_SECONDS * float(1 << min(attempts - 1, 20))
    longest = min(LONGEST_DELAY_SECONDS, doubled)
    chance = int.from_bytes(entropy(CHANCE_BYTES)) / (1 << 8 * CHANCE_BYTES)
    return max(longest * (0.5 + chance / 2), min(at_least or 0.0, LONGEST_DELAY_SECONDS))
