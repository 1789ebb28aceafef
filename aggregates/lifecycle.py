"""Whether a contact is there: it expires, is deleted, comes back, and is kept by a legal hold.

All members of an identity come and go together, so each fact stands in the stream of every member.
What decides is the standing of the whole set.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from msgspec import Struct

from aggregates.errors import NotYet, Refused
from aggregates.values import ContactId, Erased, Fact, Instant, Stored

Presence = Literal["live", "expired", "deleted", "erased"]
"""Only a live contact is searched, found and changed; what is gone may be restored until erased."""

HELD = "A legal hold keeps this contact. Lift it first."


class LifecyclePersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why."""

    reason: str


class ContactExpired(Fact, frozen=True, kw_only=True):
    """The sweep found nothing meaningful of the set for `days` days after `last`; it is hidden."""

    TOPIC: ClassVar[str] = "contact.expired"

    last: Instant
    days: int


class ContactDeleted(Fact, frozen=True, kw_only=True):
    """A person deleted the set; it is hidden, its claims end, its links stay."""

    TOPIC: ClassVar[str] = "contact.deleted"

    personal: LifecyclePersonal | Erased | None = None


class ContactRestored(Fact, frozen=True, kw_only=True):
    """A person brought the set back; its clock starts anew."""

    TOPIC: ClassVar[str] = "contact.restored"

    was: Literal["expired", "deleted"]
    personal: LifecyclePersonal | Erased | None = None


class ContactHoldSet(Fact, frozen=True, kw_only=True):
    """The contact is needed in a matter of law: its set is neither deleted nor erased nor expired."""

    TOPIC: ClassVar[str] = "contact.hold_set"

    personal: LifecyclePersonal | Erased | None = None


class ContactHoldLifted(Fact, frozen=True, kw_only=True):
    """The contact is no longer needed in a matter of law."""

    TOPIC: ClassVar[str] = "contact.hold_lifted"

    personal: LifecyclePersonal | Erased | None = None


LifecycleFact = (
    ContactExpired | ContactDeleted | ContactRestored | ContactHoldSet | ContactHoldLifted
)


class Standing(Struct, frozen=True):
    """What the rules need to know of a set.

    `since` is when it was gone, None while it is live; `on_hold` are the members that a legal hold
    names, `last` the valid time of its last meaningful interaction.
    """

    presence: Presence
    since: datetime | None = None
    on_hold: frozenset[ContactId] = frozenset()
    last: datetime | None = None


class Expire(Struct, frozen=True):
    """Hide a set of which nothing meaningful has come for `days` days."""

    now: datetime
    days: int


class Delete(Struct, frozen=True):
    """Hide a set."""

    reason: str


class Restore(Struct, frozen=True):
    """Bring a set back, up to `days` days after it was gone."""

    now: datetime
    days: int
    reason: str | None = None


class SetHold(Struct, frozen=True):
    """Keep the set of one contact for a matter of law."""

    contact_id: ContactId
    reason: str


class LiftHold(Struct, frozen=True):
    """End the hold that names one contact."""

    contact_id: ContactId
    reason: str


LifecycleCommand = Expire | Delete | Restore | SetHold | LiftHold


def decide(standing: Standing, command: LifecycleCommand) -> LifecycleFact | None:
    """Return the fact that carries out `command`; None where it would change nothing.

    What expires, is deleted or restored is the set: the fact belongs into the stream of each member.
    A hold belongs into the stream of the contact that it names.

    Raises:
        NotYet: there is no hold to lift.
        Refused: `legal_hold`, `erased`, `restore_period_over`, or `held_by_member` where the hold
            names another member.
    """
    if standing.presence == "erased":
        raise Refused("erased", "This contact was erased; that is final.")
    match command:
        case Expire(now=now, days=days):
            return _expire(standing, now, days)
        case Delete(reason=reason):
            if standing.on_hold:
                raise Refused("legal_hold", HELD)
            if standing.presence == "deleted":
                return None
            return ContactDeleted(personal=LifecyclePersonal(reason=reason))
        case Restore(now=now, days=days, reason=reason):
            if standing.on_hold and standing.presence != "live":
                raise Refused("legal_hold", HELD)
            return _restore(standing, now, days, reason)
        case SetHold(contact_id=contact_id, reason=reason):
            if contact_id in standing.on_hold:
                return None
            return ContactHoldSet(personal=LifecyclePersonal(reason=reason))
        case LiftHold(contact_id=contact_id, reason=reason):
            return _lift(standing, contact_id, reason)


def _expire(standing: Standing, now: datetime, days: int) -> ContactExpired | None:
    is_quiet = standing.last is not None and standing.last + timedelta(days=days) <= now
    if standing.presence != "live" or standing.on_hold or not is_quiet:
        return None
    assert standing.last is not None
    return ContactExpired(last=standing.last, days=days)


def _restore(
    standing: Standing, now: datetime, days: int, reason: str | None
) -> ContactRestored | None:
    if standing.presence == "live" or standing.presence == "erased":
        return None
    if standing.since is not None and standing.since <= restorable_since(now, days):
        raise Refused(
            "restore_period_over",
            f"A contact can be restored for {days} days; this one was gone before.",
        )
    personal = None if reason is None else LifecyclePersonal(reason=reason)
    return ContactRestored(was=standing.presence, personal=personal)


def restorable_since(now: datetime, days: int) -> datetime:
    """Return the moment up to which those who were gone cannot come back any more: their personal
    values are due for destruction."""
    return now - timedelta(days=days)


def _lift(standing: Standing, contact_id: ContactId, reason: str) -> ContactHoldLifted:
    if not standing.on_hold:
        raise NotYet("No legal hold keeps this contact.")
    if contact_id not in standing.on_hold:
        raise Refused(
            "held_by_member",
            f"The hold names another member of this set: {', '.join(sorted(standing.on_hold))}.",
        )
    return ContactHoldLifted(personal=LifecyclePersonal(reason=reason))
