"""Mentions as bytes beside an interaction, and as keys that lead from a value to its interactions."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from projections.match_index.digests import DIGEST_BYTES, KIND_BYTES

WIDTH = 1 + KIND_BYTES + DIGEST_BYTES
SAID = {None: b"?", True: b"+", False: b"-"}
MEANT = {code[0]: said for said, code in SAID.items()}


class Mention(Struct, frozen=True):
    """An identifier as an interaction gave it: the digest of its value, the digest of its type, and
    whether the publisher said that it is verified. What it may decide is a question to the policy."""

    digest: bytes
    kind: bytes
    said: bool | None


def pack_mentions(mentions: Iterable[Mention]) -> bytes:
    """Write mentions one after the other: what was said, the kind, the digest."""
    return b"".join(SAID[one.said] + one.kind + one.digest for one in mentions)


@lru_cache(maxsize=20_000)
def unpack_mentions(packed: bytes) -> tuple[Mention, ...]:
    """Read mentions back."""
    return tuple(
        Mention(
            packed[start + 1 + KIND_BYTES : start + WIDTH],
            packed[start + 1 : start + 1 + KIND_BYTES],
            MEANT[packed[start]],
        )
        for start in range(0, len(packed), WIDTH)
    )


def mention_key(mention: Mention) -> int:
    """Return the key under which the interactions that mention a value are found."""
    return value_key(mention.digest)


def value_key(digest: bytes) -> int:
    """Return the same of a value by its digest: 64 bits, signed."""
    return int.from_bytes(digest[:8], signed=True)
