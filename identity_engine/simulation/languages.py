"""The four languages: their names, places, phone ranges and habits of writing."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from msgspec import Struct

LANGUAGES = ("ja", "de", "en", "fr")
"""ISO 639-1 codes."""

_UNACCENTED = str.maketrans({"ß": "ss", "ı": "i", "ł": "l", "ø": "o", "’": ""})
_SPELLED_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)


class Name(Struct, frozen=True):
    """One part of a person's name in the ways in which people write it."""

    native: str
    """As in the passport: kanji, or Latin letters with their accents."""
    kana: str | None
    """The reading in hiragana (Japanese only)."""
    latin: str
    """In Latin letters; in German with umlauts spelled out, in Japanese in Hepburn."""
    plain: str
    """In the letters A to Z, accents lost."""
    slug: str
    """As in an e-mail address."""
    nickname: str | None
    variant: str | None
    """With a variant kanji, or without its particle."""


class Place(Struct, frozen=True):
    """A city or ward with its postcodes and its landline numbers."""

    city: str
    region: str
    postcode: str
    """A pattern: `#` is a digit, `@` a letter."""
    area: str
    """Area code without the trunk zero."""
    subscriber: str
    """A pattern of the subscriber's digits; no other place has the same ones."""
    fiction: str
    """A pattern set aside by the regulator for invented numbers, or empty."""


class Language(Struct, frozen=True):
    """What the simulator knows about one language and its country."""

    code: str
    country: str
    calling_code: str
    mobile: tuple[str, ...]
    mobile_fiction: tuple[str, ...]
    hosts: tuple[str, ...]
    organisations: tuple[str, ...]
    subjects: tuple[str, ...]
    address: tuple[str, ...]
    address_variants: tuple[tuple[str, str], ...]
    titles: Mapping[str, str]
    phonetic: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    buildings: tuple[str, ...]
    places: tuple[Place, ...]
    family: tuple[Name, ...]
    """Most frequent first, as are the given names."""
    female: tuple[Name, ...]
    male: tuple[Name, ...]
    homophones: Mapping[str, tuple[str, ...]]
    """Kanji of a name -> other kanji with the same reading."""


@cache
def language(code: str) -> Language:
    """The lists of one language, read once."""
    text = (files(__package__) / "names" / f"{code}.json").read_text(encoding="utf-8")
    lists: dict[str, Any] = json.loads(text)
    nicknames: dict[str, str] = lists["nicknames"]
    variants = [(old, new) for old, new in lists["variants"]]
    named = {
        part: tuple(_names(code, lists[part], nicknames if part != "family" else {}, variants))
        for part in ("family", "female", "male")
    }
    return Language(
        code=code,
        country=lists["country"],
        calling_code=lists["calling_code"],
        mobile=tuple(lists["mobile"]),
        mobile_fiction=tuple(lists.get("mobile_fiction", ())),
        hosts=tuple(lists["hosts"]),
        organisations=tuple(lists["organisations"]),
        subjects=tuple(lists["subjects"]),
        address=tuple(lists["address"]),
        address_variants=tuple((full, short) for full, short in lists["address_variants"]),
        titles=lists["titles"],
        phonetic=tuple((heard, written) for heard, written in lists["phonetic"]),
        streets=tuple(lists["streets"]),
        buildings=tuple(lists["buildings"]),
        places=tuple(Place(*place, *([""] * (6 - len(place)))) for place in lists["places"]),
        homophones=_homophones(*named.values()),
        **named,
    )


def unaccented(text: str) -> str:
    """The text in plain letters, as a keyboard without accents gives it."""
    decomposed = unicodedata.normalize("NFD", text.translate(_UNACCENTED))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def spelled_out(text: str) -> str:
    """The text with German umlauts as two letters and no other accents."""
    return unaccented(text.translate(_SPELLED_OUT))


def _names(
    code: str, entries: list[Any], nicknames: dict[str, str], variants: list[tuple[str, str]]
) -> Iterator[Name]:
    for entry in entries:
        if code == "ja":
            native, kana, latin = entry
            variant = next((native.replace(a, b) for a, b in variants if a in native), None)
            yield Name(native, kana, latin, latin, latin.lower(), None, variant)
        else:
            latin = spelled_out(entry) if code == "de" else unaccented(entry)
            plain, slug = unaccented(entry), latin.lower().replace(" ", "")
            yield Name(entry, None, latin, plain, slug, nicknames.get(entry), _unparticled(entry))


def _unparticled(name: str) -> str | None:
    """`von der Heide` -> `Heide`, `O’Brien` -> `OBrien`, `Le Gall` -> `LeGall`."""
    if "’" in name:
        return name.replace("’", "")
    head, _, tail = name.rpartition(" ")
    if not head:
        return None
    return tail if head[0].islower() else head + tail


def _homophones(*lists: tuple[Name, ...]) -> Mapping[str, tuple[str, ...]]:
    same: dict[str, tuple[str, ...]] = {}
    for names in lists:
        for name in names:
            others = (other.native for other in names if name.kana and other.kana == name.kana)
            if found := tuple(other for other in others if other != name.native):
                same[name.native] = found
    return MappingProxyType(same)
