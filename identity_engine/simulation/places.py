"""Addresses as people of the country have them."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from .chance import pick
from .languages import Language, Place

_POSTCODE_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


class Address(Struct, frozen=True):
    """One address; the fields are those of an event's `profile`."""

    street: str
    city: str
    region: str
    postcode: str


def address_in(place: Place, language: Language, random: Random) -> Address:
    """A random address of the place."""
    street = pick(random, language.address).format(
        street=pick(random, language.streets),
        n=1 + int(random.random() * 140),
        a=1 + int(random.random() * 9),
        b=1 + int(random.random() * 28),
        c=1 + int(random.random() * 19),
        d=1 + int(random.random() * 8),
        building=pick(random, language.buildings) if language.buildings else "",
    )
    return Address(street, place.city, place.region, _postcode(place.postcode, random))


def _postcode(pattern: str, random: Random) -> str:
    filled = []
    for letter in pattern:
        if letter == "#":
            filled.append(str(1 + int(random.random() * 9)))
        elif letter == "@":
            filled.append(pick(random, _POSTCODE_LETTERS))
        else:
            filled.append(letter)
    return "".join(filled)
