"""Chance that is the same on every machine.

Only `random.Random.random()` is promised to give the same sequence in every Python version, and
only `+ - * /` and the square root are exact everywhere. So everything here is made of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, sqrt
from random import Random
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_COPRIME_WITH_TEN = 2_654_435_761


def generator(seed: int, purpose: int, index: int = 0) -> Random:
    """A generator of its own for one thing, so that nothing depends on the order of making."""
    return Random(_mixed(seed, purpose, index))  # noqa: S311 - a repeatable draw, not a secret


def share(seed: int, purpose: int, index: int) -> float:
    """A number in [0, 1) that belongs to the three numbers, cheaper than a generator."""
    return (_mixed(seed, purpose, index) >> 11) / (1 << 53)


def opaque(random: Random) -> str:
    """Sixteen hexadecimal digits that tell nothing."""
    return f"{int(random.random() * 2**32):08x}{int(random.random() * 2**32):08x}"


def pick(random: Random, choices: Sequence[T]) -> T:
    """One of the choices, all alike."""
    return choices[int(random.random() * len(choices))]


def skewed(random: Random, size: int, head: float) -> int:
    """A place in a ranking of `size` where the first places come up most often.

    The weight of place r is 1 / sqrt(r + head * size): with `head` 0.02 the first place has
    about 3.5 times the average weight, with 0.002 about 11 times, and the last about half.
    """
    start = head * size
    low = sqrt(start)
    root = low + random.random() * (sqrt(size + start) - low)
    return min(int(root * root - start), size - 1)


def scattered(index: int, digits: int) -> int:
    """Another number of so many decimal digits for each index below 10 ** digits."""
    size: int = 10**digits
    return index * _COPRIME_WITH_TEN % size


def stride(size: int) -> int:
    """A step that visits every one of `size` places once, far from its neighbours."""
    step = max(1, int(size * 0.618))
    while gcd(step, size) != 1:
        step += 1
    return step


def _mixed(seed: int, purpose: int, index: int) -> int:
    """64 well-mixed bits of the three numbers, each below 2 ** 64 (splitmix64, chained)."""
    return _splitmix(_splitmix(_splitmix(seed) ^ purpose) ^ index)


def _splitmix(value: int) -> int:
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
