"""Divisions: a contact lies in one, and moves to another by hand."""

from typing import ClassVar

from msgspec import Struct

from aggregates.values import Erased, Fact, Stored


class DivisionPersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why."""

    reason: str


class ContactMoved(Fact, frozen=True, kw_only=True):
    """The set moved to another division; it stands in the stream of each member."""

    TOPIC: ClassVar[str] = "contact.moved"

    division: str
    division_before: str
    personal: DivisionPersonal | Erased | None = None


class Move(Struct, frozen=True):
    """Let a set lie in another division."""

    division: str
    reason: str


def decide(division: str, command: Move) -> ContactMoved | None:
    """Return the fact that carries out `command`; None where the contact lies there already."""
    if command.division == division:
        return None
    said = DivisionPersonal(reason=command.reason)
    return ContactMoved(division=command.division, division_before=division, personal=said)
