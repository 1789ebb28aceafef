"""Divisions: a contact lies in one, moves to another by hand, and may be like one of another.

What is like over two divisions is an across edge: it joins no profile, and is seen only with rights in
both.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from aggregates.errors import NotYet, Refused
from aggregates.values import ContactId, Erased, Fact, Stored


class DivisionPersonal(Stored):
    """A person's words on why."""

    reason: str


class ContactMoved(Fact):
    """The set moved to another division; it stands in the stream of each member."""

    TOPIC: ClassVar[str] = "contact.moved"

    division: str
    division_before: str
    personal: DivisionPersonal | Erased | None = None


class ContactAcrossLinked(Fact):
    """A person said that this contact and `other`, of another division, are alike."""

    TOPIC: ClassVar[str] = "contact.across_linked"

    other: ContactId
    personal: DivisionPersonal | Erased | None = None


class ContactAcrossUnlinked(Fact):
    """What a person said about this contact and `other`, of another division, is taken back."""

    TOPIC: ClassVar[str] = "contact.across_unlinked"

    other: ContactId
    personal: DivisionPersonal | Erased | None = None


DivisionFact = ContactMoved | ContactAcrossLinked | ContactAcrossUnlinked


@dataclass(frozen=True, slots=True)
class Move:
    """Let a set lie in another division."""

    division: str
    reason: str


@dataclass(frozen=True, slots=True)
class LinkAcross:
    """Say that a contact is like one of another division."""

    other: ContactId
    other_division: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnlinkAcross:
    """Take back that a contact is like one of another division."""

    other: ContactId
    reason: str


DivisionCommand = Move | LinkAcross | UnlinkAcross


def decide(
    division: str, across: Collection[ContactId], command: DivisionCommand
) -> DivisionFact | None:
    """Return the fact that carries out `command`; None where it would change nothing.

    Args:
        division: where the contact lies.
        across: the contacts of other divisions that it is linked across to, in either direction.
        command: what a person wants.

    Raises:
        NotYet: there is nothing to take back.
        Refused: `same_division`, contacts of one division are merged or not.
    """
    said = DivisionPersonal(reason=command.reason)
    match command:
        case Move(division=wanted):
            if wanted == division:
                return None
            return ContactMoved(division=wanted, division_before=division, personal=said)
        case LinkAcross(other=other, other_division=other_division):
            if other_division == division:
                raise Refused("same_division", "Contacts of one division are merged, not linked.")
            return None if other in across else ContactAcrossLinked(other=other, personal=said)
        case UnlinkAcross(other=other):
            if other not in across:
                raise NotYet("These contacts are not linked across divisions.")
            return ContactAcrossUnlinked(other=other, personal=said)
