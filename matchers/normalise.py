"""Canonical form of identifiers and postcodes, so that equal values are equal bytes.

A value is never repaired by a guess: a number that cannot be read without a country keeps its own
digits, and nothing is added to or taken from a number that the numbering plan does not name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from msgspec import Struct

from matchers.text import fold

NORMALISER_VERSION = f"3+phonenumbers-{phonenumbers.__version__}"
"""Changes whenever a value may be normalised or folded differently: rules here, or the library."""

FAMILY_OF_TYPE = {
    "phone": "phone",
    "whatsapp": "phone",
    "sms": "phone",
    "tel": "phone",
    "email": "email",
}
"""Types of which one value names one thing. A type not listed is a family of its own."""

_PHONE_DIGITS = range(3, 21)
_LETTER = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"\s*(?:;?ext\.?=?|x|#)\s*\d{1,7}$", re.IGNORECASE)
_PHONE_SCHEME = re.compile(r"^(?:tel|sips?|sms|whatsapp):", re.IGNORECASE)


class InvalidIdentifier(ValueError):  # noqa: N818 - an outcome with a reason, not a fault
    """The value cannot be an exact identifier of its type.

    `reason_code` says why; the value itself is never in the message.
    """

    def __init__(self, reason_code: str) -> None:
        super().__init__(reason_code)
        self.reason_code = reason_code


class NormalisedIdentifier(Struct, frozen=True):
    """One identifier in canonical form: `family` and `value` are what two sources compare."""

    type: str
    family: str
    value: str


def normalise_identifier(
    type: str,  # noqa: A002 - the word of the envelope
    value: str,
    country: str | None = None,
) -> NormalisedIdentifier:
    """Give an identifier the canonical form under which it is held, compared and hashed.

    Args:
        type: type of the envelope, for example `phone`, `whatsapp`, `email`, `customer_id`.
        value: as published.
        country: ISO 3166 two-letter country in which a national phone number is read.

    Returns:
        Family `phone` (E.164, or own digits where the number cannot be placed), family `email`
        (lower case, IDNA domain, plus tags kept), or the type itself (trimmed, NFKC, case kept).

    Raises:
        InvalidIdentifier: with one of the codes `empty`, `control_character`, `letters_in_number`,
            `too_few_digits`, `too_many_digits`, `not_an_address`.
    """
    family = FAMILY_OF_TYPE.get(type, type)
    if family == "phone":
        return NormalisedIdentifier(type, family, _phone(value, country, type == "whatsapp"))
    if family == "email":
        return NormalisedIdentifier(type, family, _email(value))
    return NormalisedIdentifier(type, family, _opaque(value))


def _opaque(value: str) -> str:
    if value.isascii() and value.isprintable():
        trimmed = value.strip()
    else:
        trimmed = unicodedata.normalize("NFKC", value).strip()
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in trimmed):
            raise InvalidIdentifier("control_character")
    if not trimmed:
        raise InvalidIdentifier("empty")
    return trimmed


@lru_cache(maxsize=50_000)
def _phone(value: str, country: str | None, international: bool) -> str:
    written = _PHONE_SCHEME.sub("", _opaque(value)).partition("@")[0]
    written = _EXTENSION.sub("", written.partition(";")[0])
    if _LETTER.search(written):
        raise InvalidIdentifier("letters_in_number")
    digits = "".join(str(unicodedata.digit(sign)) for sign in written if sign.isdecimal())
    if len(digits) < _PHONE_DIGITS.start:
        raise InvalidIdentifier("too_few_digits")
    if len(digits) >= _PHONE_DIGITS.stop:
        raise InvalidIdentifier("too_many_digits")
    plus = written.lstrip("( ").startswith("+")
    if international and not plus and (number := _e164("+" + digits, None, valid=True)):
        return number
    if number := _e164(written if plus else digits, None if plus else country, valid=False):
        return number
    return "+" + digits if plus else digits


def _e164(written: str, country: str | None, *, valid: bool) -> str | None:
    """Read a number; what is read must read back as itself, else zeros were lost on the way."""
    try:
        number = _parsed(written, country)
        accept = phonenumbers.is_valid_number if valid else phonenumbers.is_possible_number
        if not accept(number):
            return None
        canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if canonical == written:
            return canonical
        return canonical if _parsed(canonical, None) == number else None
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=1_000)
def _parsed(written: str, country: str | None) -> phonenumbers.PhoneNumber:
    """Parse a number; kept for a moment, because what was just normalised is asked for its line."""
    return phonenumbers.parse(written, country)


FIXED_LINE = "fixed_line"
UNPLACED_LINE = "unplaced_line"
"""What a policy calls a phone number that the numbering plan gives to a place, and one whose country
is not known, so that its digits may be anybody's."""


@lru_cache(maxsize=50_000)
def line_type(number: str) -> str:
    """Return what a canonical phone number is besides a phone: `fixed_line` where the plan gives it to
    a household, a desk or a reception, `unplaced_line` where its country is not known, else nothing.

    A number that the plan does not tell apart (as in North America) may be a mobile.
    """
    if not number.startswith("+"):
        return UNPLACED_LINE
    try:
        kind = phonenumbers.number_type(_parsed(number, None))
    except phonenumbers.NumberParseException:
        return ""
    return FIXED_LINE if kind == phonenumbers.PhoneNumberType.FIXED_LINE else ""


def is_placed(number: str) -> bool:
    """Tell whether a canonical phone number is one that some country's numbering plan may give."""
    return _e164(number, None, valid=False) is not None


@lru_cache(maxsize=50_000)
def _email(value: str) -> str:
    # Imported with the first address: its patterns take a tenth of the start of a verb to compile.
    from email_validator import EmailNotValidError, validate_email

    try:
        address = validate_email(
            _opaque(value).removeprefix("mailto:"),
            check_deliverability=False,
            globally_deliverable=False,
        )
    except EmailNotValidError:
        raise InvalidIdentifier("not_an_address") from None
    domain = address.ascii_domain or address.domain
    return f"{address.local_part.lower()}@{domain.lower()}"


def normalise_postcode(value: str) -> str:
    """Write a postcode in folded letters and digits without a separator."""
    return "".join(letter for letter in fold(value) if letter.isalnum())
