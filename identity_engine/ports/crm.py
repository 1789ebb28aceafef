"""What the engine asks of a CRM: keep one activity for each interaction and record, make records, and
say what is related."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

RECORD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
"""What an id of a record looks like, so that it can be typed and stand in a path."""

PERSON_TYPES = ("contact", "account", "lead")
"""Record types that stand for a person or for whom a person belongs to; they are shown first."""


class CrmReference(Struct, frozen=True):
    """Names a record of the CRM: its type in our word (contact, account, lead, case, ...) and its id."""

    type: str
    id: str


class CrmRecord(Struct, frozen=True):
    """A record of the CRM as people see it; `address` opens it there."""

    type: str
    id: str
    label: str
    address: str

    @property
    def reference(self) -> CrmReference:
        """What names it."""
        return CrmReference(self.type, self.id)


class Activity(Struct, frozen=True):
    """What is to stand in the CRM about an interaction.

    `key` is ours and the same for every write about one interaction and record, so the CRM holds one
    activity however often it is written. `fields` are named as the CRM names them.
    """

    key: str
    record: CrmReference
    fields: Mapping[str, str] = field(default_factory=dict)


class Written(Struct, frozen=True):
    """What the CRM answered: the activity's id there, and its version if the CRM counts versions."""

    id: str
    version: str | None


class Crm(Protocol):
    """A customer relationship management system.

    Every method raises `RemoteError` where the CRM fails or refuses.
    """

    def write(self, activity: Activity) -> Written:
        """Make the activity, or change the one that has its key."""
        ...

    def withdraw(self, key: str) -> None:
        """Take the activity away that has this key; one that is not there is no failure."""
        ...

    def create(self, type_: str, key: str, fields: Mapping[str, str]) -> CrmRecord:
        """Make a record, or return the one that was made under this key before."""
        ...

    def related(self, records: Sequence[CrmReference], *, household: bool) -> list[CrmRecord]:
        """Return these records and what is related to them, person-level rows first.

        Args:
            records: where to start from.
            household: with the other people of the same accounts.
        """
        ...

    def expand(self, record: CrmReference) -> list[CrmRecord]:
        """Return the rows that hang on one record."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
