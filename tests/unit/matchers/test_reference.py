"""Comparisons agree with slow, obvious versions that are written from their definitions alone."""

from itertools import combinations_with_replacement

import pytest

from matchers.addresses import ADDRESS_LEVELS, address_words, compare_addresses
from matchers.comparison import LEVELS, comparison_of
from matchers.dates import DATE_LEVELS, compare_dates
from matchers.record import MatchRecord


def edits(a: str, b: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours, by the full table."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if not i or not j:
                table[i][j] = i + j
                continue
            ways = [
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
            ]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                ways.append(table[i - 2][j - 2] + 1)
            table[i][j] = min(ways)
    return table[-1][-1]


def common_subsequence(a: str, b: str) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            same = table[i - 1][j - 1] + 1
            table[i][j] = same if x == y else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def jaro_winkler(a: str, b: str) -> float:
    """Winkler (1990): Jaro similarity, with a tenth of the rest for each of four first letters."""
    if a == b:
        return 1.0
    reach = max(0, max(len(a), len(b)) // 2 - 1)
    taken: list[int] = []
    ours: list[str] = []
    for i, letter in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if j not in taken and b[j] == letter:
                taken.append(j)
                ours.append(letter)
                break
    if not ours:
        return 0.0
    theirs = [b[j] for j in sorted(taken)]
    swaps = sum(x != y for x, y in zip(ours, theirs, strict=True)) // 2
    found = len(ours)
    jaro = (found / len(a) + found / len(b) + (found - swaps) / found) / 3
    prefix = 0
    for x, y in zip(a[:4], b[:4], strict=False):
        if x != y:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro) if jaro > 0.7 else jaro


def obvious_date(a: str, b: str) -> str | None:
    if not a or not b:
        return None
    if not (len(a) == len(b) == 10):
        if a[:4] != b[:4]:
            return "different"
        return "partial" if a.startswith(b) or b.startswith(a) else "same_year"
    if a == b:
        return "exact_first_of_january" if a[5:] == "01-01" else "exact"
    (year, month, day), (year2, month2, day2) = a.split("-"), b.split("-")
    if (year, month, day) == (year2, day2, month2):
        return "day_month_swapped"
    if edits(a, b) == 1:
        return "one_edit"
    years = abs(int(year) - int(year2))
    months, days = abs(int(month) - int(month2)), abs(int(day) - int(day2))
    if years in (0, 1, 10) and months <= 2 and days <= 3:
        return "near_parts"
    if edits(a, b) == 2:
        return "two_edits"
    if years == 0:
        return "same_year"
    return "within_ten_years" if years <= 10 else "different"


DATES = [
    *("", "1985", "1985-03", "1985-03-07", "1985-07-03", "1985-03-08", "1985-30-07", "1984-04-09"),
    *("1995-03-07", "1995-05-10", "1985-11-28", "1990-01-01", "1985-01-01", "1986-01-01"),
    *("1958-03-07", "1985-03-70", "1985-13-17", "1975-03-07", "1940-12-31", "2005-03-17"),
]


@pytest.mark.parametrize(("a", "b"), list(combinations_with_replacement(DATES, 2)))
def test_dates(a, b):
    for one, other in ((a, b), (b, a)):
        level = compare_dates(one, other)
        assert (None if level is None else DATE_LEVELS[level]) == obvious_date(one, other)


TEXTS = [
    "",
    "ulm",
    "ulme",
    "berlin",
    "berlni",
    "bertin",
    "new york",
    "newyork",
    "大阪市",
    "大阪府",
    "x",
]


@pytest.mark.parametrize(("a", "b"), list(combinations_with_replacement(TEXTS, 2)))
def test_texts(a, b):
    compare = comparison_of("text", "city")
    found = compare(MatchRecord(city=a), MatchRecord(city=b))
    if not a or not b:
        assert found is None
        return
    expected = "exact" if a == b else "close" if jaro_winkler(a, b) >= 0.88 else "different"
    assert found is not None
    assert LEVELS["text"][found[0]] == expected


ADDRESSES = [
    "5 High Street",
    "High St 5",
    "5 Hihg Street",
    "7 High Street",
    "Flat 2, 5 High Street",
    "19 Rue de la Paix",
    "Rue de la Paix",
    "Ahornweg 10",
    "Ahornweg 11",
]


@pytest.mark.parametrize(("a", "b"), list(combinations_with_replacement(ADDRESSES, 2)))
def test_addresses(a, b):
    one, other = address_words(a), address_words(b)
    likeness = 200 * common_subsequence(one, other) / (len(one) + len(other))
    numbers = [{word for word in x.split() if word[0].isdigit()} for x in (one, other)]
    if one == other:
        expected = "exact"
    elif likeness < 65:
        expected = "different"
    elif all(numbers) and not numbers[0] & numbers[1]:
        expected = "other_number"
    else:
        expected = "close" if likeness >= 85 else "similar"
    level = compare_addresses(one, other)
    assert level is not None
    assert ADDRESS_LEVELS[level] == expected
