"""How hard the simulated traffic is."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import fields


class Difficulty(Struct, frozen=True):
    """The share of cases in which each real-life trouble happens.

    Every field is a probability from 0 to 1 and says of what it is a share. The names of the
    fields are also the names under which `Summary.difficulties` counts the interactions that
    show the trouble. The defaults are estimates of ordinary contact-centre traffic, not
    measurements.

    Raises:
        ValueError: a share is below 0 or above 1.
    """

    typo: float = 0.06
    """Of the values that somebody types: a slip of the keyboard, two letters swapped, one lost or
    doubled, spelling by ear, or in Japanese the wrong characters for the right sound."""
    missing_field: float = 0.18
    """Of the fields of a form or a typed profile: left empty."""
    swapped_names: float = 0.03
    """Of the names in two parts: given name in the field of the family name and the reverse."""
    initials: float = 0.06
    """Of the written given names: the first letter only (not in Japanese script)."""
    nickname: float = 0.15
    """Of the given names for which the language has a nickname: written as such."""
    transliteration: float = 0.15
    """Of the written names: accents lost, umlauts spelled out, kana or Latin letters for kanji."""
    variant_script: float = 0.12
    """Of the names with a variant kanji, or with a family particle: the other way of writing."""
    household_phone: float = 0.45
    """Of the households of two to four people: one landline that all of them use."""
    family_device: float = 0.30
    """Of the households of two to four people: one browser that all of them use."""
    hub_address: float = 0.18
    """Of the calls and mails of employed people: the reception or the info@ address of the
    organisation instead of their own."""
    recycled_number: float = 0.04
    """Of the people: a mobile number that was another person's until weeks or months before."""
    move: float = 0.12
    """Of the people: a new address during the period."""
    marriage: float = 0.03
    """Of the adults: a new family name during the period."""
    withheld: float = 0.10
    """Of the calls: no caller number at all."""
    anonymous: float = 0.06
    """Of the calls, and of the e-mail addresses typed on the site: a value that says nothing, such
    as `anonymous`, `0000` or `test@test.com`."""
    private_browsing: float = 0.48
    """Of the visits to the web site or the chat without a login: a cookie never seen again."""
    late_arrival: float = 0.02
    """Of the interactions: published up to 1,000 places after their turn."""

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0 <= share <= 1:
                raise ValueError(f"{field.name} is a share from 0 to 1, not {share}")
