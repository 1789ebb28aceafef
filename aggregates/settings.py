"""What an administrator decides: switches, retention, limits and connections.

Settings are content with a version, as the policy is: activating one is an event, so that what was
allowed or configured on any day can be read. No secret stands in them, only the name of the environment
variable that holds it.
"""

from typing import Annotated, Literal

from pydantic import Field

from aggregates.case_settings import Cases, OutgoingMail
from aggregates.values import Value


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
    """The settings in force; every section has defaults, so a content names only what differs."""

    format: Literal[1]
    name: str
    retention: Retention = Retention()
    merging: Merging = Merging()
    cases: Cases = Cases()
    outgoing_mail: OutgoingMail = OutgoingMail()
