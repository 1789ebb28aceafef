"""Block keys: which earlier records are worth comparing with this one.

Two records are compared if they share a key. Each key names a pair of facts that survive the
usual errors of the others, so that a typing error, a missing field or swapped names still leaves
a key in common. Every key is an index row of each record: a rule earns its place by measured
recall (`tests/benchmarks/quality.py --blocking`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from matchers.record import MatchRecord

_NAME_WORDS = 3
"""Name words that make keys: given, family and one more."""

_UNIT_LENGTH = 6
"""Postcodes this long (British, Dutch, Canadian, Japanese) name a street and stand alone."""

_FULL_DATE = 10


def block_keys(record: MatchRecord) -> tuple[str, ...]:
    """Keys of a record, each prefixed by its rule, without repetition, in a stable order."""
    return tuple(dict.fromkeys(_keys(record)))


def hash_keys(keys: Sequence[str], secret: bytes) -> list[int]:
    """Hash keys for the index, so that it holds no personal text.

    Args:
        keys: from `block_keys`.
        secret: index key, at most 64 bytes.

    Returns:
        Signed 64-bit integers, one a key: the widest integer both SQLite and PostgreSQL index.
    """
    return [
        int.from_bytes(blake2b(key.encode(), digest_size=8, key=secret).digest(), signed=True)
        for key in keys
    ]


def _keys(record: MatchRecord) -> Iterator[str]:
    names = _name_words(record)
    date, year = _date_in_any_order(record.birth_date), record.birth_date[:4]
    place = record.birth_place or record.city
    sector = record.postcode[:-2]
    if len(names) > 1:
        first, last = sorted((names[0], names[-1]))
        yield f"names:{first[:4]}:{last[:4]}"
    for name in names:
        if date:
            yield f"initial-date:{name[:1]}:{date}"
        if year:
            yield f"name-year:{name[:3]}:{year}"
        if place:
            yield f"name-place:{name[:4]}:{place}"
        if sector:
            yield f"name-sector:{name}:{sector}"
    if date and place:
        yield f"date-place:{date}:{place}"
    if date and sector:
        yield f"date-sector:{date}:{sector}"
    if len(record.postcode) >= _UNIT_LENGTH:
        yield f"unit:{record.postcode}"
    yield from _contact_keys(record)


def _contact_keys(record: MatchRecord) -> Iterator[str]:
    if record.national_id:
        yield f"national-id:{record.national_id}"
    for email in record.emails:
        yield f"email:{email.partition('@')[0]}"
    for phone in record.phones:
        yield f"phone:{phone[-7:]}"


def _name_words(record: MatchRecord) -> tuple[str, ...]:
    if record.given and record.family:
        return record.given, record.family
    return record.name[:_NAME_WORDS]


def _date_in_any_order(date: str) -> str:
    if len(date) < _FULL_DATE:
        return ""
    return date[:4] + "".join(sorted((date[5:7], date[8:10])))
