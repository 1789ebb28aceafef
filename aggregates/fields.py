"""The fields that a person may fill: those every contact has, and those an administrator adds.

Adding, changing or dropping a field is a change of the settings, so it is an event and has a version.
It is looked at when a value is saved, never when one is read: what was saved before stays readable.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aggregates.countries import is_country
from aggregates.values import Value

FieldType = Literal["text", "number", "date", "partial_date", "country", "choice"]

NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
PARTIAL_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")
FORMS: dict[FieldType, str] = {
    "text": "a text",
    "number": "a number such as 12 or -0.5",
    "date": "a date such as 1980-05-06",
    "partial_date": "a date such as 1980-05-06, 1980-05 or 1980",
    "country": "a country: its name, or its two letters such as FR (ISO 3166)",
    "choice": "one of the choices",
}


class ContactField(Value):
    """What a field takes: its type, whether it must be there, whether it may have several values."""

    type: FieldType = "text"
    required: bool = False
    multi: bool = False
    choices: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()

    @model_validator(mode="after")
    def _choices_belong_to_a_choice(self) -> Self:
        if bool(self.choices) != (self.type == "choice"):
            raise ValueError("a field of type choice, and no other, lists its choices")
        return self

    def takes(self, value: str) -> bool:
        """Tell whether a value has the form of the field."""
        match self.type:
            case "text":
                return bool(value)
            case "number":
                return NUMBER.fullmatch(value) is not None
            case "date":
                return _is_date(value)
            case "partial_date":
                known = PARTIAL_DATE.fullmatch(value) is not None
                return known and _is_date(value + "-01" * ((10 - len(value)) // 3))
            case "country":
                return len(value) > 2 or not value.isascii() or is_country(value)
            case "choice":
                return value in self.choices

    @property
    def form(self) -> str:
        """What a value must be, in words."""
        return f"one of {', '.join(self.choices)}" if self.choices else FORMS[self.type]


NAMES = (
    *("full_name", "given_name", "family_name", "birth_place", "gender", "address"),
    *("city", "region", "postcode", "national_id"),
)
SEVERAL = ("other_names", "language", "occupation", "organisation")
BUILT_IN: Mapping[str, ContactField] = {
    **dict.fromkeys(NAMES, ContactField()),
    **dict.fromkeys(SEVERAL, ContactField(multi=True)),
    "date_of_birth": ContactField(type="partial_date"),
    "country": ContactField(type="country"),
}
"""The fields that every contact has; the envelope has the same."""


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
