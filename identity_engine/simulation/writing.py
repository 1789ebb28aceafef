"""How a person's details get written: by the person, or by the agent who listens."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from .chance import pick
from .languages import Name
from .noise import misspelled
from .people import Person
from .places import Address

Profile = dict[str, str]


class Pen:
    """Writes for one person at one moment, and notes the troubles that show in what it wrote.

    The profile fields are those of the interaction envelope.
    """

    __slots__ = ("day", "person", "random", "rates", "troubles")

    def __init__(
        self, person: Person, day: float, random: Random, rates: Mapping[str, float]
    ) -> None:
        self.person = person
        self.day = day
        self.random = random
        self.rates = rates
        self.troubles: list[str] = []

    def happens(self, trouble: str) -> bool:
        """Whether a trouble of `Difficulty` happens now; if so it is noted."""
        if self.random.random() < self.rates[trouble]:
            self.troubles.append(trouble)
            return True
        return False

    def often(self, probability: float) -> bool:
        """Whether something ordinary happens."""
        return self.random.random() < probability

    def typed(self, text: str) -> str:
        """The text as typed by hand, now and then with a slip."""
        if not self.happens("typo"):
            return text
        wrong = misspelled(text, self.person.language, self.random)
        if wrong == text:
            self.troubles.pop()
        return wrong

    def display_name(self) -> str:
        """A name set once in a mail program or messenger: whole, short, or the given name only."""
        given, family = self.name_parts()
        if self.often(0.15):
            return given
        return self._whole(given, family, comma=0.12)

    def spoken_name(self) -> str:
        """A name typed by an agent who heard it: often the family name with a title."""
        given, family = (self.typed(part) for part in self.name_parts())
        if self.often(0.35):
            titles = self.person.language.titles
            return titles["female" if self.person.is_female else "male"].format(family=family)
        return self._whole(given, family, comma=0.10)

    def typed_name(self) -> str:
        """A whole name typed by the person."""
        given, family = (self.typed(part) for part in self.name_parts())
        return self._whole(given, family, comma=0.03)

    def name_fields(self) -> Profile:
        """The name typed into two fields, in Japanese often with its reading."""
        given, family = (self.typed(part) for part in self.name_parts())
        if self.happens("swapped_names"):
            given, family = family, given
        fields = {"given_name": given, "family_name": family}
        person = self.person
        if person.given.kana and self.often(0.4):
            fields["other_names"] = f"{person.family(self.day).kana} {person.given.kana}"
        return fields

    def name_parts(self) -> tuple[str, str]:
        """Given and family name in one script and one habit of spelling."""
        person, family = self.person, self.person.family(self.day)
        if family is not person.birth_family:
            self.troubles.append("marriage")
        if self.happens("transliteration"):
            return self._transliterated(family)
        surname = family.native
        if family.variant and self.happens("variant_script"):
            surname = family.variant
        return self._given(person.given), surname

    def address_fields(self) -> Profile:
        """The address typed into its fields, some left empty."""
        if self.person.lives_alone(self.day):
            self.troubles.append("move")
        address = self.person.address(self.day)
        fields = {
            "address": self.typed(self._abbreviated(address)),
            "city": self.typed(address.city),
            "postcode": self._postcode(address),
        }
        if self.often(0.4):
            fields["region"] = address.region
        return self.with_gaps(fields)

    def with_gaps(self, fields: Profile) -> Profile:
        """The fields without those left empty."""
        return {name: value for name, value in fields.items() if not self.happens("missing_field")}

    def _given(self, given: Name) -> str:
        if given.nickname and self.happens("nickname"):
            return given.nickname
        if not given.kana and self.happens("initials"):
            return f"{given.native[0]}."
        return given.native

    def _transliterated(self, family: Name) -> tuple[str, str]:
        given = self.person.given
        if given.kana and family.kana and self.often(0.5):
            return given.kana, family.kana
        is_plain = self.often(0.5)
        written = (given.plain, family.plain) if is_plain else (given.latin, family.latin)
        if written == (given.native, family.native):
            self.troubles.pop()
        return written

    def _whole(self, given: str, family: str, *, comma: float) -> str:
        if not given.isascii() and self.person.given.kana:
            return f"{family}{pick(self.random, (' ', ' ', '', '　'))}{given}"
        if self.often(comma):
            return f"{family}, {given}"
        if self.happens("swapped_names"):
            return f"{family} {given}"
        return f"{given} {family}"

    def _abbreviated(self, address: Address) -> str:
        street = address.street
        if self.often(0.3):
            for full, short in self.person.language.address_variants:
                if full in street:
                    return street.replace(full, short)
        return street

    def _postcode(self, address: Address) -> str:
        if self.often(0.2):
            return address.postcode.replace(" ", "").replace("-", "").lower()
        return address.postcode
