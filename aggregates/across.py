"""Likeness over two divisions: what the rules found and what people said of it (GX-12).

An across edge joins no profile and is seen only with rights in both divisions. Rules find one where the
policy names both divisions, and take it back once its evidence is gone; a person's word stands above.
"""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from aggregates.division import DivisionPersonal
from aggregates.errors import NotYet, Refused
from aggregates.values import ContactId, Erased, Evidence, Fact, InteractionId


class ContactAcrossLinked(Fact, frozen=True, kw_only=True):
    """A person said that this contact and `other`, of another division, are alike."""

    TOPIC: ClassVar[str] = "contact.across_linked"

    other: ContactId
    personal: DivisionPersonal | Erased | None = None


class ContactAcrossUnlinked(Fact, frozen=True, kw_only=True):
    """A person said that this contact and `other`, of another division, are not alike: what was said or
    found is taken back, and the rules find it no more until a person links them or lifts this."""

    TOPIC: ClassVar[str] = "contact.across_unlinked"

    other: ContactId
    personal: DivisionPersonal | Erased | None = None


class ContactAcrossLifted(Fact, frozen=True, kw_only=True):
    """That this contact and `other` are not alike holds no longer; the rules may find them alike."""

    TOPIC: ClassVar[str] = "contact.across_lifted"

    other: ContactId
    personal: DivisionPersonal | Erased | None = None


class ContactAcrossFound(Fact, frozen=True, kw_only=True):
    """The rules found records of this contact and of `other`, of another division, alike.

    Of two contacts the one with the smaller id has it in its stream. It holds until the rules find
    another reason for the same two, or end it.
    """

    TOPIC: ClassVar[str] = "contact.across_found"

    other: ContactId
    evidence: Evidence


class ContactAcrossEnded(Fact, frozen=True, kw_only=True):
    """No records of the contact and of `other` are alike any more, or the policy asks no longer."""

    TOPIC: ClassVar[str] = "contact.across_ended"

    other: ContactId


AcrossFact = (
    ContactAcrossLinked
    | ContactAcrossUnlinked
    | ContactAcrossLifted
    | ContactAcrossFound
    | ContactAcrossEnded
)


class Likeness(Struct, frozen=True, array_like=True):
    """Why the rules hold two contacts to be alike: the strongest pair of records, its rule and its
    weight in millibits."""

    rule: str
    weight: int
    interaction_id: InteractionId | None
    against: InteractionId | None


class AcrossState(Struct, frozen=True, array_like=True):
    """What stands written in the stream of a contact, of other contacts each.

    `linked` and `unlinked` are what people said last. `found` is what the rules found: both contacts
    have it, whichever stream it stands in.
    """

    linked: tuple[ContactId, ...] = ()
    unlinked: tuple[ContactId, ...] = ()
    found: Mapping[ContactId, Likeness] = {}


class LinkAcross(Struct, frozen=True):
    """Say that a contact is like one of another division."""

    other: ContactId
    other_division: str
    reason: str


class UnlinkAcross(Struct, frozen=True):
    """Say that a contact is not like one of another division; `is_alike` tells whether anybody said or
    found that any members of the two are."""

    other: ContactId
    is_alike: bool
    reason: str


class LiftUnlink(Struct, frozen=True):
    """Take back that a contact is not like one of another division."""

    other: ContactId
    reason: str


class FindAcross(Struct, frozen=True):
    """Note that the rules find a contact like one of another division."""

    other: ContactId
    evidence: Evidence


class EndAcross(Struct, frozen=True):
    """Note that the rules find them alike no more."""

    other: ContactId


AcrossCommand = LinkAcross | UnlinkAcross | LiftUnlink | FindAcross | EndAcross


def decide(state: AcrossState | None, division: str, command: AcrossCommand) -> AcrossFact | None:
    """Return the fact that carries out `command`; None where it would change nothing.

    Args:
        state: what stands written of the contact; None where that is nothing.
        division: where the contact lies.
        command: what a person wants, or the rules found.

    Raises:
        NotYet: there is nothing to take back.
        Refused: `same_division`, contacts of one division are merged or not.
    """
    known = state or AcrossState()
    match command:
        case LinkAcross(other=other, other_division=other_division):
            if other_division == division:
                raise Refused("same_division", "Contacts of one division are merged, not linked.")
            if other in known.linked:
                return None
            return ContactAcrossLinked(other=other, personal=_said(command.reason))
        case UnlinkAcross(other=other):
            if other not in known.linked and not command.is_alike:
                raise NotYet("These contacts are not linked across divisions.")
            return ContactAcrossUnlinked(other=other, personal=_said(command.reason))
        case LiftUnlink(other=other):
            if other not in known.unlinked:
                raise NotYet("Nobody said that these contacts are not alike.")
            return ContactAcrossLifted(other=other, personal=_said(command.reason))
        case FindAcross(other=other, evidence=evidence):
            if known.found.get(other) == likeness(evidence):
                return None
            return ContactAcrossFound(other=other, evidence=evidence)
        case EndAcross(other=other):
            return ContactAcrossEnded(other=other) if other in known.found else None


def evolve(state: AcrossState | None, fact: AcrossFact) -> AcrossState | None:
    """Return what stands written after `fact`, for the contact whose stream it stands in; None where
    that is nothing."""
    before, other = state or AcrossState(), fact.other
    match fact:
        case ContactAcrossLinked():
            linked = (*_without(before.linked, other), other)
            after = replace(before, linked=linked, unlinked=_without(before.unlinked, other))
        case ContactAcrossUnlinked():
            unlinked = (*_without(before.unlinked, other), other)
            after = replace(before, linked=_without(before.linked, other), unlinked=unlinked)
        case ContactAcrossLifted():
            after = replace(before, unlinked=_without(before.unlinked, other))
        case ContactAcrossFound(evidence=evidence):
            after = replace(before, found={**before.found, other: likeness(evidence)})
        case ContactAcrossEnded():
            found = {id_: why for id_, why in before.found.items() if id_ != other}
            after = replace(before, found=found)
    return None if after == AcrossState() else after


def likeness(evidence: Evidence) -> Likeness:
    """Return what a contact keeps of the evidence."""
    return Likeness(evidence.rule, evidence.weight, evidence.interaction_id, evidence.against)


def _without(some: tuple[ContactId, ...], one: ContactId) -> tuple[ContactId, ...]:
    return tuple(id_ for id_ in some if id_ != one)


def _said(reason: str) -> DivisionPersonal:
    return DivisionPersonal(reason=reason)
