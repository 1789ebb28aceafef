"""Comparisons: how much two records agree in one respect, as an ordered level.

A comparison looks at both records and names the first of its levels that holds, the best first.
`None` means that one side says nothing: that is no evidence, and weighs nothing. Every comparison
is symmetric: exchanging the records gives the same level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.fuzz import token_sort_ratio

from matchers.names import NAME_LEVELS, compare_names
from matchers.record import TEXT_FIELDS, MatchRecord

Agreement = tuple[int, str]
"""Index of a level, and the text both sides agree on where its rarity matters (else empty)."""

Comparison = Callable[[MatchRecord, MatchRecord], Agreement | None]

_CLOSE_TEXT = 0.88
"""Jaro-Winkler similarity from which two texts are near; below it chance likeness prevails."""

_ROLE_MAILBOXES: Final = frozenset(
    (
        *("info", "office", "contact", "mail", "hello", "sales", "service", "support", "help"),
        *("admin", "team", "reception", "enquiries", "inquiries", "billing", "accounts", "post"),
        *("kontakt", "buero", "empfang", "buchhaltung", "accueil", "bureau", "soumu", "toiawase"),
    )
)
"""Local parts that name a desk, not a person: agreeing on one says little about who writes."""


def _compare_birth_dates(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    a, b = one.birth_date, other.birth_date
    if not a or not b:
        return None
    if len(a) == len(b) == 10:
        return (_exact_date(a) if a == b else _near_date(a, b)), ""
    # A year alone that agrees says too little to speak for or against; another year speaks against.
    return None if a[:4] == b[:4] else (8, "")


def _exact_date(date: str) -> int:
    """1 January often stands for a year alone, so agreeing on it is worth less."""
    return 1 if date.endswith("01-01") else 0


def _near_date(a: str, b: str) -> int:
    if a[:4] == b[:4] and a[5:7] == b[8:] and a[8:] == b[5:7]:
        return 2
    if OSA.distance(a, b, score_cutoff=1) <= 1:
        return 3
    years, months, days = _parts_apart(a, b)
    if years in (0, 1, 10) and months <= 2 and days <= 3:
        return 5
    if OSA.distance(a, b, score_cutoff=2) <= 2:
        return 4
    if years == 0:
        return 6
    return 7 if years <= 10 else 8


def _parts_apart(a: str, b: str) -> tuple[int, int, int]:
    """Distance of year, month and day each; beyond all limits where a part is no number."""
    digits = a[:4] + a[5:7] + a[8:] + b[:4] + b[5:7] + b[8:]
    if not (digits.isascii() and digits.isdecimal()):
        return 9999, 99, 99
    return (
        abs(int(a[:4]) - int(b[:4])),
        abs(int(a[5:7]) - int(b[5:7])),
        abs(int(a[8:]) - int(b[8:])),
    )


def _compare_postcodes(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    a, b = one.postcode, other.postcode
    if not a or not b:
        return None
    if a == b:
        return 0, ""
    if a[:-2] == b[:-2]:
        return 1, ""
    if OSA.distance(a, b, score_cutoff=1) <= 1:
        return 2, ""
    return (3 if a[:2] == b[:2] else 4), ""


def _compare_emails(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    return _best_pair(one.emails, other.emails, _email_level)


def _email_level(a: str, b: str) -> int:
    local, other_local = a.partition("@")[0], b.partition("@")[0]
    if local in _ROLE_MAILBOXES or other_local in _ROLE_MAILBOXES:
        return 3 if a == b else 4
    if a == b:
        return 0
    if local == other_local:
        return 1
    return 2 if JaroWinkler.similarity(a, b) >= 0.92 and OSA.distance(a, b) <= 4 else 4


def _compare_phones(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    return _best_pair(one.phones, other.phones, _phone_level)


def _phone_level(a: str, b: str) -> int:
    """Two full numbers with the same ending are two numbers; a national form may be either."""
    if a == b:
        return 0
    if not (a[0] == b[0] == "+") and len(a) >= 7 and a[-7:] == b[-7:]:
        return 1
    return 2 if OSA.distance(a, b, score_cutoff=1) <= 1 else 3


def _best_pair(
    ours: tuple[str, ...], theirs: tuple[str, ...], level: Callable[[str, str], int]
) -> Agreement | None:
    if not ours or not theirs:
        return None
    return min(level(a, b) for a in ours for b in theirs), ""


def _compare_addresses(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    a, b = one.address, other.address
    if not a or not b:
        return None
    if a == b:
        return 0, ""
    likeness = token_sort_ratio(a, b)
    if likeness >= 85:
        return 1, ""
    return (2 if likeness >= 65 else 3), ""


def _compare_national_ids(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    a, b = one.national_id, other.national_id
    if not a or not b:
        return None
    if a == b:
        return 0, ""
    return (1 if OSA.distance(a, b, score_cutoff=1) <= 1 else 2), ""


def _text_comparison(field: str) -> Comparison:
    read = _reader(field)

    def compare(one: MatchRecord, other: MatchRecord) -> Agreement | None:
        a, b = read(one), read(other)
        if not a or not b:
            return None
        if a == b:
            return 0, a
        return (1 if JaroWinkler.similarity(a, b) >= _CLOSE_TEXT else 2), ""

    return compare


def _code_comparison(field: str) -> Comparison:
    read = _reader(field)

    def compare(one: MatchRecord, other: MatchRecord) -> Agreement | None:
        a, b = read(one), read(other)
        if not a or not b:
            return None
        return (0, a) if a == b else (1, "")

    return compare


def _reader(field: str) -> Callable[[MatchRecord], str]:
    if field in TEXT_FIELDS:
        return attrgetter(field)
    return lambda record: record.text(field)


LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": NAME_LEVELS,
    "birth_date": (
        "exact",
        "exact_first_of_january",
        "day_month_swapped",
        "one_edit",
        "two_edits",
        "near_parts",
        "same_year",
        "within_ten_years",
        "different",
    ),
    "postcode": ("exact", "sector", "one_edit", "area", "different"),
    "email": ("exact", "local_part", "close", "same_desk", "different"),
    "phone": ("exact", "last_seven", "one_edit", "different"),
    "address": ("exact", "close", "similar", "different"),
    "national_id": ("exact", "one_edit", "different"),
    "text": ("exact", "close", "different"),
    "code": ("exact", "different"),
}
"""Kind of comparison -> its levels, best first."""

_OF_KIND: Final[Mapping[str, Comparison]] = {
    "name": compare_names,
    "birth_date": _compare_birth_dates,
    "postcode": _compare_postcodes,
    "email": _compare_emails,
    "phone": _compare_phones,
    "address": _compare_addresses,
    "national_id": _compare_national_ids,
}


def comparison_of(kind: str, field: str) -> Comparison:
    """Comparison of a kind named in `LEVELS`; `field` is the text that `text` and `code` read."""
    if kind == "text":
        return _text_comparison(field)
    if kind == "code":
        return _code_comparison(field)
    return _OF_KIND[kind]
