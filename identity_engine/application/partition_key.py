"""The key under which a publisher sends an interaction to Kafka.

Interactions of one person belong into one partition: one worker takes them one after the other, and
does not lose races against another worker that decides about the same contact. The key is a keyed
hash, because keys stand in clear in the log of the broker.
"""

import hmac
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from aggregates.policy import Policy
from aggregates.values import IdentifierClass
from identity_engine.application.rules import default_policy
from matchers.normalise import InvalidIdentifier, NormalisedIdentifier, normalise_identifier

STRONGEST_FIRST: Final = (
    IdentifierClass.EXCLUSIVE,
    IdentifierClass.STRONG,
    IdentifierClass.DEVICE,
    IdentifierClass.WEAK,
    IdentifierClass.PLACE,
)
KEY_BYTES: Final = 16

_shipped = cache(default_policy)


def partition_key(event: Mapping[str, Any], secret: bytes, policy: Policy | None = None) -> bytes:
    """Return the key of an event: a hash of the strongest identifier that it gives.

    An interaction without a usable identifier is keyed by its own source and id, a change by those of
    the interaction that it changes. A publisher that still knows the key of the interaction sends
    its changes under that one, so that they come behind it.

    Args:
        event: a CloudEvent of ours, as a dictionary.
        secret: 16 bytes or more, the same for all publishers; kept as other secrets are.
        policy: says what is strong; None for the shipped one.

    Returns:
        32 hexadecimal digits.
    """
    policy = policy or _shipped()
    data = event["data"]
    usable = list(_usable(data.get("identifiers", ()), data, policy))
    if usable:
        _, strongest = min(usable, key=lambda one: one[0])
        return _hash(secret, strongest.family, strongest.value)
    named = data.get("interaction", event)
    return _hash(secret, "interaction", named["source"], named["id"])


def _usable(
    identifiers: Iterable[Mapping[str, Any]], data: Mapping[str, Any], policy: Policy
) -> Iterable[tuple[int, NormalisedIdentifier]]:
    channel = data.get("channel", "")
    for given in identifiers:
        try:
            one = normalise_identifier(given["type"], given["value"], policy.default_country)
        except InvalidIdentifier:
            continue
        if not policy.is_blocked(one.value):
            verified = policy.counts_as_verified(channel, one.type, given.get("verified"))
            yield STRONGEST_FIRST.index(policy.class_of(one.type, verified)), one


def _hash(secret: bytes, *parts: str) -> bytes:
    digest = hmac.digest(secret, "\x1f".join(parts).encode(), "sha256")
    return digest[:KEY_BYTES].hex().encode()
