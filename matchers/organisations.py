"""Organisations: which words of their names tell them apart, and how alike two names are.

The legal form is written or not, and in many ways: it says nothing about which organisation it is.
"""

from __future__ import annotations

from rapidfuzz.fuzz import token_sort_ratio

from matchers.text import words

ORGANISATION_LEVELS = (
    "exact_itself",
    "close_itself",
    "exact",
    "close",
    "partial",
    "different_itself",
    "different",
)
"""`itself`: neither side names a person, so that the organisation is the one who speaks."""

_LEGAL_FORMS = frozenset(
    (
        *(
            "gmbh",
            "mbh",
            "ag",
            "kg",
            "kgaa",
            "ohg",
            "gbr",
            "ug",
            "ev",
            "eg",
            "se",
            "haftungsbeschrankt",
        ),
        *("sarl", "sas", "sasu", "sa", "eurl", "snc", "sci", "scop", "societe", "ste", "ets"),
        *(
            "ltd",
            "limited",
            "plc",
            "llc",
            "llp",
            "lp",
            "inc",
            "incorporated",
            "corp",
            "corporation",
        ),
        *("co", "company", "cie", "pty", "pte", "pvt", "bv", "nv", "vof", "srl", "spa", "sl", "oy"),
        *("oyj", "ab", "as", "asa", "aps", "kk", "gk", "sp", "zoo", "doo", "sro", "kft", "ooo"),
        *(
            "оао",
            "ооо",
            "зао",
            "пао",
            "ао",
            "ип",
            "株",
            "有",
            "合",
            "the",
            "and",
            "und",
            "et",
            "firma",
        ),
        *("etablissements", "group", "holding", "holdings", "international", "intl"),
    )
)
_JAPANESE_FORMS = ("株式会社", "有限会社", "合同会社", "合資会社", "一般社団法人", "一般財団法人")
_CLOSE = 88.0
"""Ratio of sorted words from which two names are one with a slip in it."""


def organisation_words(text: str) -> str:
    """Folded words of an organisation's name without its legal form; all of them if none is left."""
    if not text:
        return ""
    named = words(text)
    kept = [word for word in map(_without_form, _without_dots(named)) if word not in _LEGAL_FORMS]
    return " ".join(filter(None, kept)) or " ".join(named)


def _without_dots(named: tuple[str, ...]) -> list[str]:
    """Join letters that stood between dots: `s.a.r.l.` is one word."""
    joined: list[str] = []
    letters = ""
    for word in named:
        if len(word) == 1 and word.isascii() and word.isalpha():
            letters += word
            continue
        joined += [letters, word] if letters else [word]
        letters = ""
    return [*joined, letters] if letters else joined


def _without_form(word: str) -> str:
    for form in _JAPANESE_FORMS:
        if form in word:
            return word.replace(form, "", 1)
    return word


def compare_organisations(a: str, b: str, *, is_speaker: bool) -> int | None:
    """Level of two names in `ORGANISATION_LEVELS`; None where one says nothing.

    Args:
        a: words from `organisation_words`.
        b: the same of the other record.
        is_speaker: whether neither record names a person.
    """
    if not a or not b:
        return None
    if a == b:
        return 0 if is_speaker else 2
    if token_sort_ratio(a, b, score_cutoff=_CLOSE):
        return 1 if is_speaker else 3
    if _is_part(a, b):
        return 4
    return 5 if is_speaker else 6


def _is_part(a: str, b: str) -> bool:
    """Whether all words of one are words of the other, or are its initials."""
    ours, theirs = a.split(), b.split()
    short, long = (ours, theirs) if len(ours) <= len(theirs) else (theirs, ours)
    if len(short) == 1 < len(long) and short[0] == "".join(word[0] for word in long):
        return True
    return len(short) < len(long) and set(short) <= set(long)
