"""Phone numbers that are valid for their country.

Where a regulator has set numbers aside for invented ones and the numbering plan of
`phonenumbers` calls them valid, those come first (landlines in France, Germany and Britain,
mobiles in Germany). They are few, so larger populations go on into ordinary ranges: those numbers
may belong to somebody and must never be dialled.
"""

from __future__ import annotations

from msgspec import Struct

from .chance import scattered
from .languages import Language, Place

MOST_LINES = 10_000_000
"""So many mobile lines have different numbers in every country."""


class Phone(Struct, frozen=True):
    """One line, as the network writes it and as people of the country type it."""

    e164: str
    national: str


def mobile_phone(language: Language, line: int) -> Phone:
    """The mobile number of a line; every line of a country has its own."""
    for pattern in language.mobile_fiction:
        size = 10 ** pattern.count("#")
        if line < size:
            return _mobile(language, _filled(pattern, line))
        line -= size
    pattern = language.mobile[line % len(language.mobile)]
    return _mobile(language, _filled(pattern, line // len(language.mobile)))


def landline(language: Language, place: Place, line: int) -> Phone:
    """The landline number of a line of one place; every line of the place has its own."""
    size = 10 ** place.fiction.count("#") if place.fiction else 0
    if line < size:
        return _landline(language, place, _filled(place.fiction, line))
    return _landline(language, place, _filled(place.subscriber, line - size))


def reception(language: Language, place: Place, line: int) -> Phone:
    """The number of an organisation: counted from the other end of the place's range."""
    last = int(10 ** place.subscriber.count("#")) - 1
    return _landline(language, place, _filled(place.subscriber, last - line))


def _filled(pattern: str, index: int) -> str:
    digits = pattern.count("#")
    return f"{pattern[:-digits]}{scattered(index, digits):0{digits}d}"


def _mobile(language: Language, digits: str) -> Phone:
    match language.country:
        case "JP":
            national = f"0{digits[:2]}-{digits[2:6]}-{digits[6:]}"
        case "FR":
            national = _in_pairs(f"0{digits}")
        case "GB":
            national = f"0{digits[:4]} {digits[4:]}"
        case _:
            national = f"0{digits[:3]} {digits[3:]}"
    return Phone(f"+{language.calling_code}{digits}", national)


def _landline(language: Language, place: Place, subscriber: str) -> Phone:
    match language.country:
        case "JP":
            national = f"0{place.area}-{subscriber[:-4]}-{subscriber[-4:]}"
        case "FR":
            national = _in_pairs(f"0{place.area}{subscriber}")
        case "GB":
            national = f"0{place.area} {subscriber[:-4]} {subscriber[-4:]}"
        case _:
            national = f"0{place.area} {subscriber}"
    return Phone(f"+{language.calling_code}{place.area}{subscriber}", national)


def _in_pairs(digits: str) -> str:
    return " ".join(digits[start : start + 2] for start in range(0, len(digits), 2))
