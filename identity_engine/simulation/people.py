"""The population: who the people are, where they live, and what they are reached by.

Nobody is kept: each person, household and organisation is derived from the seed and a number
when it is needed, so memory does not grow with the population.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from msgspec import Struct

from .chance import generator, opaque, pick, share, skewed
from .difficulty import Difficulty
from .languages import LANGUAGES, Language, Name, language
from .numbering import MOST_LINES, Phone, landline, mobile_phone, reception
from .places import Address, address_in

MOST_PEOPLE = MOST_LINES // 2
"""So many people have different phone numbers in every country."""

PERIOD = 180
"""Days of traffic."""

HOUSEHOLD, PERSON, ORGANISATION, LOST_PHONE = range(4)
_SIZES = (1, 2, 1, 4, 3, 1, 2, 2)
_HOUSEHOLDS = len(_SIZES)
_BLOCK = sum(_SIZES)
_PLACE_AT_HOME = tuple(
    (household, role) for household, size in enumerate(_SIZES) for role in range(size)
)
_LANGUAGE_OF_BLOCK = (
    *("ja", "de", "en", "fr", "ja", "de", "en", "ja", "fr", "de"),
    *("en", "ja", "de", "fr", "en", "ja", "ja", "fr", "de", "en"),
)
_LOCAL_PARTS = (
    "{given}.{family}{number}",
    "{given}{family}.{number}",
    "{initial}.{family}{number}",
    "{family}.{given}.{number}",
    "{given}_{year:02d}_{number}",
    "{family}{initial}-{number}",
)
_HEAD_OF_NAMES = 0.02
_PEOPLE_PER_ORGANISATION = 120
"""Of one language group and counting all ages; about 45 of a hundred adults work in one."""
_BETWEEN_OWNERS = 5
"""A lost number goes to the person so many places on in the block of households: the same
country, never the same household."""
_DAYS_UNUSED = 45
"""Before a number is given to somebody else."""


class Household(Struct, frozen=True):
    """One to four people at one address."""

    language: Language
    size: int
    family: Name
    address: Address
    landline: Phone | None
    device: str | None
    """The cookie of the browser that all of them use."""


class Organisation(Struct, frozen=True):
    """An employer that many people call and write from."""

    name: str
    domain: str
    hub_email: str
    reception: Phone


class Person(Struct, frozen=True):
    """One person; days count from the start of the period, `None` means never."""

    index: int
    language: Language
    household: Household
    is_female: bool
    given: Name
    birth_family: Name
    married_family: Name | None
    married_on: float | None
    date_of_birth: str
    new_address: Address | None
    moved_on: float | None
    first_mobile: Phone
    second_mobile: Phone | None
    lost_on: float | None
    taken_over: Phone | None
    """A number that was another person's before."""
    taken_over_on: float | None
    private_email: str
    work_email: str | None
    organisation: Organisation | None
    cookie: str
    login: str | None
    customer_id: str | None
    handle: str
    """Opaque id at a messaging service."""
    favourite: float
    """Where among the channels the person feels at home, from 0 to 1."""

    def family(self, day: float) -> Name:
        """The family name of that day."""
        if self.married_family and _happened(self.married_on, day):
            return self.married_family
        return self.birth_family

    def address(self, day: float) -> Address:
        """The address of that day."""
        if self.new_address and _happened(self.moved_on, day):
            return self.new_address
        return self.household.address

    def lives_alone(self, day: float) -> bool:
        """Whether the person has moved out of the household by that day."""
        return _happened(self.moved_on, day)

    def mobile(self, day: float) -> Phone:
        """The mobile number of that day."""
        if self.taken_over and _happened(self.taken_over_on, day):
            return self.taken_over
        if self.second_mobile and _happened(self.lost_on, day):
            return self.second_mobile
        return self.first_mobile


class Population:
    """Everybody, each made when first met; the 65,536 met last are remembered (about 1 KB each)."""

    def __init__(self, people: int, seed: int, difficulty: Difficulty) -> None:
        self._people = people
        self._seed = seed
        self._difficulty = difficulty
        self._organisations = max(1, people // _PEOPLE_PER_ORGANISATION)
        self.person = lru_cache(maxsize=65_536)(self._person)
        self._household = lru_cache(maxsize=32_768)(self._make_household)
        self._organisation = lru_cache(maxsize=4_096)(self._make_organisation)

    def _person(self, index: int) -> Person:
        random = generator(self._seed, PERSON, index)
        offset, role = _PLACE_AT_HOME[index % _BLOCK]
        block = index // _BLOCK
        home = self._household(block * _HOUSEHOLDS + offset, _SIZES[offset])
        spoken = home.language
        is_child = role >= 2
        is_female = random.random() < 0.5 if is_child or home.size == 1 else role == 0
        given = _name(random, spoken.female if is_female else spoken.male)
        keeps_own_name = role == 1 and spoken.code != "ja" and random.random() < 0.25
        family = _name(random, spoken.family) if keeps_own_name else home.family
        year = 1993 + int(random.random() * 16) if is_child else 1940 + int(random.random() * 60)
        birth = f"{year}-{_two(random, 12)}-{_two(random, 28)}"
        employer = (
            self._organisation(spoken.code, index % self._organisations)
            if not is_child and random.random() < 0.45
            else None
        )
        seat = index // self._organisations
        married_on = _some_day(random, 0.0 if is_child else self._difficulty.marriage)
        moved_on = _some_day(random, self._difficulty.move)
        lost_on = self._lost_on(index)
        former = block * _BLOCK + (index - _BETWEEN_OWNERS) % _BLOCK
        free_from = self._lost_on(former)
        return Person(
            index=index,
            language=spoken,
            household=home,
            is_female=is_female,
            given=given,
            birth_family=family,
            married_family=None if married_on is None else _name(random, spoken.family),
            married_on=married_on,
            date_of_birth=birth,
            new_address=None
            if moved_on is None
            else address_in(pick(random, spoken.places), spoken, random),
            moved_on=moved_on,
            first_mobile=mobile_phone(spoken, 2 * index),
            second_mobile=None if lost_on is None else mobile_phone(spoken, 2 * index + 1),
            lost_on=lost_on,
            taken_over=None if free_from is None else mobile_phone(spoken, 2 * former),
            taken_over_on=None if free_from is None else free_from + _DAYS_UNUSED,
            private_email=_private_email(random, spoken, given, family, year, index),
            work_email=f"{given.slug}.{family.slug}{seat}@{employer.domain}" if employer else None,
            organisation=employer,
            cookie=opaque(random),
            login=f"u{pick(random, '3579')}{index:07d}" if random.random() < 0.45 else None,
            customer_id=f"C{index * 7 + 10_000_000:08d}" if random.random() < 0.6 else None,
            handle=opaque(random) + opaque(random),
            favourite=random.random(),
        )

    def _make_household(self, index: int, size: int) -> Household:
        random = generator(self._seed, HOUSEHOLD, index)
        spoken = _language_of(index // _HOUSEHOLDS)
        place = spoken.places[index % len(spoken.places)]
        has_landline = random.random() < (self._difficulty.household_phone if size > 1 else 0.3)
        has_device = size > 1 and random.random() < self._difficulty.family_device
        return Household(
            language=spoken,
            size=size,
            family=_name(random, spoken.family),
            address=address_in(place, spoken, random),
            landline=landline(spoken, place, index // len(spoken.places)) if has_landline else None,
            device=opaque(random) if has_device else None,
        )

    def _make_organisation(self, code: str, number: int) -> Organisation:
        spoken = language(code)
        random = generator(
            self._seed, ORGANISATION, number * len(LANGUAGES) + LANGUAGES.index(code)
        )
        place = spoken.places[number % len(spoken.places)]
        family = _name(random, spoken.family)
        domain = f"{family.slug}-{code}{number}.example"
        return Organisation(
            name=pick(random, spoken.organisations).format(family=family.native, city=place.city),
            domain=domain,
            hub_email=f"{pick(random, ('info', 'info', 'contact', 'office'))}@{domain}",
            reception=reception(spoken, place, number // len(spoken.places)),
        )

    def _lost_on(self, index: int) -> float | None:
        chosen, rate = share(self._seed, LOST_PHONE, index), self._difficulty.recycled_number
        return 10 + 50 * chosen / rate if chosen < rate and index < self._people else None


def _language_of(block: int) -> Language:
    return language(_LANGUAGE_OF_BLOCK[block % len(_LANGUAGE_OF_BLOCK)])


def _happened(on: float | None, day: float) -> bool:
    return on is not None and day >= on


def _some_day(random: Random, probability: float) -> float | None:
    chosen, day = random.random(), random.random() * PERIOD * 0.8
    return day if chosen < probability else None


def _name(random: Random, names: tuple[Name, ...]) -> Name:
    return names[skewed(random, len(names), _HEAD_OF_NAMES)]


def _two(random: Random, last: int) -> str:
    return f"{1 + int(random.random() * last):02d}"


def _private_email(
    random: Random, spoken: Language, given: Name, family: Name, year: int, index: int
) -> str:
    """An address of its own for each person: the number at the end is never used twice."""
    local = pick(random, _LOCAL_PARTS).format(
        given=given.slug, family=family.slug, initial=given.slug[0], year=year % 100, number=index
    )
    return f"{local}@{pick(random, spoken.hosts)}"
