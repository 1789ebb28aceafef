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
from rapidfuzz.fuzz import ratio

from matchers.addresses import ADDRESS_LEVELS, compare_addresses
from matchers.dates import DATE_LEVELS, compare_dates
from matchers.names import NAME_LEVELS, compare_names
from matchers.organisations import ORGANISATION_LEVELS, compare_organisations
from matchers.record import TEXT_FIELDS, MatchRecord

Agreement = tuple[int, str]
"""Index of a level, and the text both sides agree on where its rarity matters (else empty)."""

Comparison = Callable[[MatchRecord, MatchRecord], Agreement | None]

_CLOSE_TEXT = 0.88
"""Jaro-Winkler similarity from which two texts are near; below it chance likeness prevails."""

_WITHOUT_DIGITS = dict.fromkeys(map(ord, "0123456789"))
_DIGITS_ONLY = {code: None for code in range(33, 127) if not chr(code).isdigit()}
_SIMILAR_DOMAIN, _SIMILAR_LOCAL = 75.0, 70.0
"""Ratios from which the parts of two addresses are one that was typed badly."""

_ROLE_MAILBOXES: Final = frozenset(
    (
        *("info", "office", "contact", "mail", "hello", "sales", "service", "support", "help"),
        *("admin", "team", "reception", "enquiries", "inquiries", "billing", "accounts", "post"),
        *("kontakt", "buero", "empfang", "buchhaltung", "accueil", "bureau", "soumu", "toiawase"),
    )
)
"""Local parts that name a desk, not a person: agreeing on one says little about who writes."""


def _compare_birth_dates(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    level = compare_dates(one.birth_date, other.birth_date)
    return None if level is None else (level, "")


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
    """Only mailboxes of persons count: an address of a desk says which desk, not who writes."""
    ours, theirs = one.emails, other.emails
    if not ours or not theirs:
        return None
    return _best_pair(_of_persons(ours), _of_persons(theirs), _email_level)


def _of_persons(emails: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([email for email in emails if not is_role_mailbox(email.partition("@")[0])])


def is_role_mailbox(local: str) -> bool:
    """Whether the local part of an address names a desk, such as `info`."""
    return local in _ROLE_MAILBOXES


def _email_level(a: str, b: str) -> int:
    if a == b:
        return 0
    local, _, domain = a.partition("@")
    local2, _, domain2 = b.partition("@")
    if local == local2 or (domain == domain2 and _mailbox(local) == _mailbox(local2)):
        return 1
    if _numbered_apart(local, local2):
        return 4
    if JaroWinkler.similarity(a, b) >= 0.92 and OSA.distance(a, b) <= 4:
        return 2
    # Many addresses are made of a name, so kin have like ones: only one provider's count.
    if ratio(domain, domain2) < _SIMILAR_DOMAIN or ratio(local, local2) < _SIMILAR_LOCAL:
        return 4
    return 3


def _numbered_apart(local: str, local2: str) -> bool:
    """Whether numbers tell two mailboxes apart: `john.smith1` and `john.smith2` are two people."""
    digits, digits2 = (x.translate(_DIGITS_ONLY) for x in (local, local2))
    if digits == digits2:
        return False
    letters, letters2 = (x.translate(_WITHOUT_DIGITS) for x in (local, local2))
    return letters == letters2 or OSA.distance(digits, digits2, score_cutoff=1) > 1


def _mailbox(local: str) -> str:
    """Local part without its tag and dots: many providers deliver all of these to one box."""
    return local.partition("+")[0].replace(".", "")


AREA_AND_NUMBER: Final = 9
"""Last digits of a number that hold its area code, or the prefix of its network, too."""


def _compare_phones(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    return _best_pair(one.phones, other.phones, _phone_level)


def _phone_level(a: str, b: str) -> int:
    """Two full numbers with the same ending are two numbers; a national form is the same number where
    it agrees with the other as far as both go, the area code included if it has one."""
    if a == b:
        return 0
    if not (a[0] == b[0] == "+"):
        ours, theirs = a.lstrip("+0"), b.lstrip("+0")
        shown = min(len(ours), len(theirs), AREA_AND_NUMBER)
        if shown >= 7 and ours[-shown:] == theirs[-shown:]:
            return 1
    return 2 if OSA.distance(a, b, score_cutoff=1) <= 1 else 3


def _best_pair(
    ours: tuple[str, ...], theirs: tuple[str, ...], level: Callable[[str, str], int]
) -> Agreement | None:
    if not ours or not theirs:
        return None
    if len(ours) == 1 == len(theirs):  # as nearly always, and without a loop
        return level(ours[0], theirs[0]), ""
    return min([level(a, b) for a in ours for b in theirs]), ""


def _compare_addresses(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    level = compare_addresses(one.address, other.address)
    return None if level is None else (level, "")


def _compare_organisations(one: MatchRecord, other: MatchRecord) -> Agreement | None:
    a, b = one.organisation, other.organisation
    if not a or not b:
        return None
    level = compare_organisations(a, b, is_speaker=not one.name and not other.name)
    return None if level is None else (level, a if a == b else "")


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
    "birth_date": DATE_LEVELS,
    "postcode": ("exact", "sector", "one_edit", "area", "different"),
    "email": ("exact", "local_part", "close", "similar", "different"),
    "phone": ("exact", "last_seven", "one_edit", "different"),
    "address": ADDRESS_LEVELS,
    "organisation": ORGANISATION_LEVELS,
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
    "organisation": _compare_organisations,
    "national_id": _compare_national_ids,
}


def comparison_of(kind: str, field: str) -> Comparison:
    """Comparison of a kind named in `LEVELS`; `field` is the text that `text` and `code` read."""
    if kind == "text":
        return _text_comparison(field)
    if kind == "code":
        return _code_comparison(field)
    return _OF_KIND[kind]


_FIELD_OF_KIND: Final[Mapping[str, str]] = {"email": "emails", "phone": "phones"}


def field_of(kind: str, field: str) -> str:
    """Field of a match record without which a comparison says nothing; `further` if it is unusual."""
    if kind in ("text", "code"):
        return field if field in TEXT_FIELDS else "further"
    return _FIELD_OF_KIND.get(kind, kind)
