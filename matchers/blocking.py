"""Block keys: which earlier records are worth comparing with this one.

Two records are compared if they share a key. A key is one fact that survives the usual errors: how a
word of the name sounds, a birth date in any order, a postcode, the ending of a number. In a small
store one fact is enough. A key under which too many records stand is *crowded* and tells little; it
is refined, not dropped: its records stand under finer keys, each the key with one more fact. So a
record needs few index rows, and recall does not fall as a store grows.

A rule earns its place by measured recall (`identity-engine model evaluate --blocking`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

from matchers.addresses import numbers
from matchers.comparison import is_role_mailbox
from matchers.dates import FULL
from matchers.name_words import reading, sound
from matchers.record import MatchRecord

_NAME_WORDS = 3
"""Words of a name, and of another name of the person, that make keys."""

_UNIT_LENGTH = 6
"""Postcodes this long (British, Dutch, Canadian, Japanese) name a street and stand alone."""

_EMAIL_START = 6
"""Letters of the local part of an address: slips are mostly behind them."""

_DEEPEST = 3
"""Facts added to a key at most; what is crowded even then leads nowhere."""

_ADDED = "+"
_OWN_FACTS = {"date": "dy", "unit": "s", "street": "a", "organisation": "o"}
"""Rule -> kinds of facts that its keys hold already, so that they add nothing."""


def block_keys(record: MatchRecord) -> tuple[str, ...]:
    """Keys of a record, each prefixed by its rule, without repetition, in a stable order."""
    return tuple(dict.fromkeys(_keys(record)))


def refined_keys(record: MatchRecord, key: str) -> tuple[str, ...]:
    """Finer keys of a record under one of its keys: the key with one more fact of the record.

    Two records that share `key` share a finer key wherever they agree on one more fact. Facts are
    added in one order, and of two words of a name the first of the alphabet leads, so that a set of
    facts has one key.

    Args:
        record: a record that has `key`.
        key: from `block_keys`, or from this function.

    Returns:
        No key where the record has no further fact, or `key` is as fine as keys become.
    """
    return _refined(key, _facts(record))


def keys_in_use(
    record: MatchRecord, is_crowded: Callable[[str], bool]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys under which a record stands and is looked for, and those that were too crowded for it.

    Args:
        record: what to write or to look for.
        is_crowded: whether a key has reached its cap. Once it has, it must stay so.

    Returns:
        The keys in use, finer ones in place of crowded ones; and the crowded ones, coarse first. A
        crowded key that no fact of the record refines stays in use: else the many records of one
        person who always says the same would find each other no more.
    """
    in_use: list[str] = []
    crowded: list[str] = []
    waiting = deque(block_keys(record))
    facts: list[str] = []
    while waiting:
        key = waiting.popleft()
        if is_crowded(key):
            crowded.append(key)
            facts = facts or _facts(record)
            finer = _refined(key, facts)
            waiting.extend(finer)
            if not finer:
                in_use.append(key)
        else:
            in_use.append(key)
    return tuple(in_use), tuple(crowded)


def hash_keys(keys: Sequence[str], secret: bytes) -> list[int]:
    """Hash keys for the index, so that it holds no personal text.

    Args:
        keys: from `block_keys`, `refined_keys` or `keys_in_use`.
        secret: index key, at most 64 bytes.

    Returns:
        Signed 64-bit integers, one a key: the widest integer both SQLite and PostgreSQL index.
    """
    return [hash_key(key, secret) for key in keys]


@lru_cache(maxsize=20_000)
def hash_key(key: str, secret: bytes) -> int:
    """Hash one key; cached, because names, places and years come again and again."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, key=secret).digest(), signed=True)


def _keys(record: MatchRecord) -> Iterator[str]:
    for word in _name_words(record):
        yield f"word:{word}"
    if date := _date_in_any_order(record.birth_date):
        yield f"date:{date}"
    if len(record.postcode) >= _UNIT_LENGTH:
        yield f"unit:{record.postcode}"
    if street := _street(record.address):
        yield f"street:{street}"
    if record.organisation:
        yield f"organisation:{_organisation(record)}"
    if record.national_id:
        yield f"national-id:{record.national_id}"
    for email in record.emails:
        local = email.partition("@")[0]
        yield f"email:{email if is_role_mailbox(local) else local[:_EMAIL_START]}"
    for phone in record.phones:
        yield f"phone:{phone[-7:]}"


def _refined(key: str, facts: Sequence[str]) -> tuple[str, ...]:
    base, *added = key.split(_ADDED)
    if len(added) >= _DEEPEST:
        return ()
    rule, _, value = base.partition(":")
    own, last = _OWN_FACTS.get(rule, ""), added[-1] if added else ""
    least_word = f"n{value}" if rule == "word" else ""
    return tuple(
        [
            f"{key}{_ADDED}{fact}"
            for fact in facts
            if fact > last and fact[0] not in own and not (fact[0] == "n" and fact <= least_word)
        ]
    )


def _facts(record: MatchRecord) -> list[str]:
    """Facts that refine a key, each with the letter of its kind in front, in their order."""
    return sorted(set(_said(record)))


def _said(record: MatchRecord) -> Iterator[str]:
    for word in _name_words(record):
        yield f"n{word}"
    if record.birth_date:
        yield f"y{record.birth_date[:4]}"
    if date := _date_in_any_order(record.birth_date):
        yield f"d{date[4:]}"
    if place := record.birth_place or record.city:
        yield f"p{place[:5]}"
    if record.postcode:
        yield f"s{record.postcode[:-2]}"
    if street := _street(record.address):
        yield f"a{street}"
    if record.organisation:
        yield f"o{_organisation(record)}"
    for email in record.emails:
        yield f"m{email.partition('@')[0]}"


def _name_words(record: MatchRecord) -> list[str]:
    """Sounds of the name's words; a name in two parts has two, whatever their number of words."""
    if record.given and record.family:
        named: tuple[str, ...] = (record.given, record.family)
    else:
        named = record.name[:_NAME_WORDS]
    if record.other_name:
        named = (*named, *record.other_name[:_NAME_WORDS])
    return [sound(reading(word)) for word in named]


def _date_in_any_order(date: str) -> str:
    if len(date) < FULL:
        return ""
    return date[:4] + "".join(sorted((date[5:7], date[8:10])))


@lru_cache(maxsize=20_000)
def _street(address: str) -> str:
    """A house number with the sound of the longest word, which is seldom the kind of the street."""
    house = min(numbers(address), default="")
    named = [word for word in address.split() if not word[0].isdigit()]
    if not house or not named:
        return ""
    return f"{house}:{sound(max(named, key=len))}"


def _organisation(record: MatchRecord) -> str:
    return sound(max(record.organisation.split(), key=len))
