"""What an administrator decides: switches, retention, limits and connections.

Settings are content with a version, as the policy is: activating one is an event, so that what was
allowed or configured on any day can be read. No secret stands in them, only the name of the environment
variable that holds it.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from aggregates.fields import BUILT_IN, ContactField
from aggregates.values import Value

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Retention(Value):
    """How long things are kept.

    `expiry_days`: after the last meaningful interaction an ephemeral or identified contact expires.
    `restore_days`: so long an expired or deleted contact can be restored. `not_meaningful` lists
    channels whose interactions do not renew a contact, such as page views.
    """

    expiry_days: Annotated[int, Field(ge=1, le=36_500)] = 60
    restore_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    not_meaningful: tuple[str, ...] = ("page_view",)


class Merging(Value):
    """Limits of merges by hand: contacts in one merge, and in the set it makes, survivor counted."""

    at_once: Annotated[int, Field(ge=2, le=1_000)] = 25
    members: Annotated[int, Field(ge=2, le=10_000)] = 52


class Settings(Value):
    """The settings in force; every section has defaults, so a content names only what differs.

    `fields` are those that a contact has besides the usual ones.
    """

    format: Literal[1]
    name: str
    retention: Retention = Retention()
    merging: Merging = Merging()
    fields: dict[FieldName, ContactField] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fields_are_new(self) -> Self:
        if taken := sorted(self.fields.keys() & BUILT_IN.keys()):
            raise ValueError(f"every contact has these fields already: {', '.join(taken)}")
        return self

    @property
    def contact_fields(self) -> dict[str, ContactField]:
        """Every field that a person may fill."""
        return {**BUILT_IN, **self.fields}
