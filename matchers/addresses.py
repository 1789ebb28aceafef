"""Postal addresses: the words that are compared, and how alike two addresses are.

The words of one address come in any order and with usual abbreviations. The house number decides
between neighbours, so two addresses of one street with other numbers are a level of their own.
"""

from __future__ import annotations

import re

from rapidfuzz.fuzz import ratio

from matchers.name_words import spell
from matchers.text import fold, words

ADDRESS_LEVELS = ("exact", "close", "other_number", "similar", "different")

_ABBREVIATIONS = {
    "street": "st",
    "str": "st",
    "strasse": "st",
    "saint": "st",
    "sankt": "st",
    "road": "rd",
    "avenue": "av",
    "ave": "av",
    "lane": "ln",
    "drive": "dr",
    "court": "ct",
    "boulevard": "bd",
    "blvd": "bd",
    "boul": "bd",
    "place": "pl",
    "platz": "pl",
    "square": "sq",
    "close": "cl",
    "crescent": "cr",
    "cres": "cr",
    "circuit": "cct",
    "terrace": "tce",
    "ter": "tce",
    "gardens": "gdns",
    "parade": "pde",
    "highway": "hwy",
    "house": "hse",
    "apartment": "apt",
    "flat": "apt",
    "unit": "apt",
    "app": "apt",
    "appartement": "apt",
    "building": "bldg",
    "floor": "fl",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "chemin": "ch",
    "allee": "al",
    "impasse": "imp",
    "faubourg": "fg",
    "number": "",
    "no": "",
}
_STREET_ENDINGS = ("strasse", "str")
_JAPANESE_PARTS = re.compile(r"丁目|番地|番|号")
_NUMBER_IN_WORD = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\da-zA-Z_])")
_CLOSE, _SIMILAR = 85.0, 65.0
"""Ratios of the sorted words, 0 to 100 (Indel similarity)."""


def address_words(text: str) -> str:
    """Folded words of an address, abbreviated and sorted: numbers come first."""
    if not text:
        return ""
    parted = _NUMBER_IN_WORD.sub(" ", _JAPANESE_PARTS.sub(" ", fold(text)))
    return " ".join(sorted(filter(None, map(_short, words(parted)))))


def _short(word: str) -> str:
    if (found := _ABBREVIATIONS.get(word)) is not None:
        return found
    word = spell(word)
    for ending in _STREET_ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending) + "st"
    return word


def compare_addresses(a: str, b: str) -> int | None:
    """Level of two addresses in `ADDRESS_LEVELS`; None where one says nothing."""
    if not a or not b:
        return None
    if a == b:
        return 0
    likeness = ratio(a, b, score_cutoff=_SIMILAR)
    if likeness < _SIMILAR:
        return 4
    if _has_other_numbers(a, b):
        return 2
    return 1 if likeness >= _CLOSE else 3


def _has_other_numbers(a: str, b: str) -> bool:
    """Whether both have numbers and none in common."""
    if not (a[0].isdigit() and b[0].isdigit()):
        return False
    return numbers(a).isdisjoint(numbers(b))


def numbers(address: str) -> frozenset[str]:
    """Words of an address that begin with a digit."""
    return frozenset(word for word in address.split() if word[0].isdigit())
