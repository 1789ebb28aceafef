"""The match record: what one interaction says about a person, folded and ready to compare.

It belongs to an interaction or an edit and is stored encrypted, so it must open in microseconds:
everything that costs (folding, splitting names and addresses) is done once, when it is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import fields

from matchers.addresses import address_words
from matchers.dates import normalise_date
from matchers.name_words import name_words
from matchers.normalise import (
    FAMILY_OF_TYPE,
    InvalidIdentifier,
    NormalisedIdentifier,
    normalise_identifier,
    normalise_postcode,
)
from matchers.organisations import organisation_words
from matchers.text import fold, words

_LARGEST_LIST = 8
"""E-mails, phones and further fields kept: one interaction rarely has more, a flood must not."""


class MatchRecord(Struct, frozen=True, array_like=True):
    """Folded values of one interaction; an empty text or tuple says nothing.

    `given` and `family` hold name parts as published, `name` all name words of the record in
    their order, `other_name` those of another name or of its reading, `address` its words sorted.
    `further` holds (field, text) of unusual fields.
    """

    given: str = ""
    family: str = ""
    name: tuple[str, ...] = ()
    birth_date: str = ""
    birth_place: str = ""
    gender: str = ""
    occupation: str = ""
    address: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    language: str = ""
    organisation: str = ""
    national_id: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    further: tuple[tuple[str, str], ...] = ()
    other_name: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to compare."""
        return self == _EMPTY

    def text(self, field: str) -> str:
        """Folded text of any field a model may name; empty where the record does not have it."""
        if field in TEXT_FIELDS:
            value: str = getattr(self, field)
            return value
        return next((text for name, text in self.further if name == field), "")


_EMPTY = MatchRecord()
_encoder, _decoder = Encoder(), Decoder(MatchRecord)
TEXT_FIELDS = frozenset(field.name for field in fields(MatchRecord) if field.default == "")
"""Fields of a record that hold one text."""

_NAME_FIELDS = ("given_name", "family_name", "full_name", "other_names")
_KNOWN_FIELDS = TEXT_FIELDS.union(_NAME_FIELDS, ("date_of_birth",))


def build_record(
    profile: Mapping[str, str],
    identifiers: Sequence[NormalisedIdentifier],
    raw_identifiers: Sequence[tuple[str, str]],
) -> MatchRecord:
    """Fold a profile and the identifiers published with it into one match record.

    Args:
        profile: envelope field -> text; a field that is not known is kept under its own name.
        identifiers: those in canonical form that are not blocked.
        raw_identifiers: (type, value) as published; an e-mail address that is broken is kept as
            evidence to compare, since a typing error leaves most of it intact.
    """
    # What is not said is passed over: most interactions say little, and each call has its price.
    given = family = ""
    if "given_name" in profile:
        given = " ".join(name_words(profile["given_name"]))
    if "family_name" in profile:
        family = " ".join(name_words(profile["family_name"], is_family=True))
    name: tuple[str, ...] = ()
    if "full_name" in profile:
        name = name_words(profile["full_name"])
    return MatchRecord(
        given=given,
        family=family,
        name=name or tuple(f"{given} {family}".split()),
        national_id=_national_id(profile, identifiers),
        emails=_emails(identifiers, raw_identifiers),
        phones=_distinct([i.value for i in identifiers if i.family == "phone"]),
        further=_further(profile),
        other_name=name_words(profile["other_names"]) if "other_names" in profile else (),
        **{
            _FOLDED[field][0]: _FOLDED[field][1](profile[field])
            for field in profile
            if field in _FOLDED
        },
    )


def _phrase(text: str) -> str:
    return " ".join(words(text))


_FOLDED: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "date_of_birth": ("birth_date", normalise_date),
    "birth_place": ("birth_place", _phrase),
    "gender": ("gender", _phrase),
    "occupation": ("occupation", _phrase),
    "address": ("address", address_words),
    "city": ("city", _phrase),
    "region": ("region", _phrase),
    "postcode": ("postcode", normalise_postcode),
    "country": ("country", _phrase),
    "language": ("language", _phrase),
    "organisation": ("organisation", organisation_words),
}
"""Field of a profile -> field of a record with one text, and what folds it."""


def _national_id(profile: Mapping[str, str], identifiers: Sequence[NormalisedIdentifier]) -> str:
    published = profile.get("national_id", "")
    if not published:
        published = "".join([i.value for i in identifiers if i.family == "national_id"][:1])
    return "".join(words(published)) if published else ""


def _emails(
    identifiers: Sequence[NormalisedIdentifier], raw_identifiers: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    canonical = [i.value for i in identifiers if i.family == "email"]
    raw = [value for kind, value in raw_identifiers if FAMILY_OF_TYPE.get(kind) == "email"]
    return _distinct([*canonical, *_broken_emails(raw)]) if raw or canonical else ()


def _broken_emails(values: Sequence[str]) -> Iterator[str]:
    for value in values:
        try:
            normalise_identifier("email", value)
        except InvalidIdentifier:
            if "@" in value:
                yield fold(value)


def _distinct(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))[:_LARGEST_LIST]


def _further(profile: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if _KNOWN_FIELDS.issuperset(profile):
        return ()
    unusual = sorted(field for field in profile if field not in _KNOWN_FIELDS)
    folded = ((field, _phrase(profile[field])) for field in unusual[:_LARGEST_LIST])
    return tuple((field, text) for field, text in folded if text)


def pack(record: MatchRecord) -> bytes:
    """Write a record as a JSON list of its fields in order, which opens fastest."""
    return _encoder.encode(record)


def unpack(packed: bytes) -> MatchRecord:
    """Open a packed record.

    Raises:
        msgspec.DecodeError: the bytes are no record.
    """
    return _decoder.decode(packed)
