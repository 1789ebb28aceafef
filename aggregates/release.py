"""How a claim on an identifier ends, and how it goes on when its contact comes back."""

from typing import ClassVar

from aggregates.values import ContactId, Erased, Fact, Instant, Stored


class ReleasePersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why the claim ended."""

    reason: str


class IdentifierReleased(Fact, frozen=True, kw_only=True):
    """The contact holds the value no longer, from the event's `valid_from` on.

    `was_gone`: the claim had ended already, because the contact is expired or deleted; what it rested
    on was taken back since, so it does not come back with the contact.
    """

    TOPIC: ClassVar[str] = "identifier.released"

    contact_id: ContactId
    was_gone: bool = False
    personal: ReleasePersonal | Erased | None = None


class IdentifierReclaimed(Fact, frozen=True, kw_only=True):
    """The contact's claim that ended at `ended` goes on, as if it had not: the contact came back, and
    the value was free."""

    TOPIC: ClassVar[str] = "identifier.reclaimed"

    contact_id: ContactId
    ended: Instant
