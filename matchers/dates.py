"""Dates of birth: the form in which they are kept, and how near two of them are.

A date is typed by hand and heard over the phone: a wrong digit, day and month exchanged, a year
alone. An impossible date such as `1809-81-01` keeps its digits: it is still near the true one.
"""

from __future__ import annotations

import re

from rapidfuzz.distance import OSA

from matchers.text import fold

DATE_LEVELS = (
    "exact",
    "exact_first_of_january",
    "day_month_swapped",
    "one_edit",
    "two_edits",
    "near_parts",
    "partial",
    "same_year",
    "within_ten_years",
    "different",
)
(
    EXACT,
    FIRST_OF_JANUARY,
    SWAPPED,
    ONE_EDIT,
    TWO_EDITS,
    NEAR_PARTS,
    PARTIAL,
    SAME_YEAR,
    WITHIN_TEN_YEARS,
    DIFFERENT,
) = range(len(DATE_LEVELS))

FULL = 10
"""Length of a whole date."""

_YEAR_FIRST = re.compile(r"(\d{4})(?:[-/.]?(\d{2})(?:[-/.]?(\d{2}))?)?(?:T.*)?$", re.DOTALL)
_YEAR_FIRST_SHORT = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$")
_DAY_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})$")
_JAPANESE = re.compile(r"(明治|大正|昭和|平成|令和)?(\d{1,4}|元)年(\d{1,2})月(\d{1,2})日$")
_YEAR_BEFORE_ERA = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
_MONTHS = 12


def normalise_date(value: str) -> str:
    """Write a date as `1985`, `1985-03` or `1985-03-07`; what is no such date stays folded text.

    Read are ISO dates, `7.3.1985` and `7/3/1985` (day first, unless only the other order makes a
    month: the comparison takes exchanged day and month for a likely slip anyway), and Japanese
    dates with and without an era. Month names are not read.
    """
    folded = fold(value)
    if found := _YEAR_FIRST.match(folded.upper()):
        return "-".join(part for part in found.groups() if part)
    if found := _YEAR_FIRST_SHORT.match(folded):
        return _joined(found[1], found[2], found[3])
    if found := _DAY_FIRST.match(folded):
        day, month = found[1], found[3]
        if int(month) > _MONTHS >= int(day):
            day, month = month, day
        return _joined(found[4], month, day)
    if found := _JAPANESE.match(folded):
        year = 1 if found[2] == "元" else int(found[2])
        return _joined(f"{_YEAR_BEFORE_ERA.get(found[1], 0) + year:04}", found[3], found[4])
    return folded


def _joined(year: str, month: str, day: str) -> str:
    return f"{year}-{month:0>2}-{day:0>2}"


def compare_dates(a: str, b: str) -> int | None:
    """Level of two normalised dates; None where one of them says nothing."""
    if not a or not b:
        return None
    if len(a) == len(b) == FULL:
        if a == b:
            # 1 January often stands for a year alone, so agreeing on it is worth less.
            return FIRST_OF_JANUARY if a.endswith("01-01") else EXACT
        return _near(a, b)
    if a[:4] != b[:4]:
        return DIFFERENT
    return PARTIAL if a.startswith(b) or b.startswith(a) else SAME_YEAR


def _near(a: str, b: str) -> int:
    year, year2 = a[:4], b[:4]
    if year == year2 and a[5:7] == b[8:] and a[8:] == b[5:7]:
        return SWAPPED
    edits = OSA.distance(a, b, score_cutoff=2)
    if edits <= 1:
        return ONE_EDIT
    years = _apart(year, year2)
    if years in (0, 1, 10) and _apart(a[5:7], b[5:7]) <= 2 and _apart(a[8:], b[8:]) <= 3:
        return NEAR_PARTS
    if edits <= 2:
        return TWO_EDITS
    if years == 0:
        return SAME_YEAR
    return WITHIN_TEN_YEARS if years <= 10 else DIFFERENT


def _apart(one: str, other: str) -> int:
    """Distance of two numbers; beyond all limits where one is none."""
    if one == other:
        return 0
    both = one + other
    if both.isascii() and both.isdecimal():
        return abs(int(one) - int(other))
    return 9_999
