"""Deleting, restoring and keeping contacts by hand; each takes the whole set."""

from datetime import datetime

from msgspec import Struct

from aggregates import lifecycle
from aggregates.access import Action
from aggregates.errors import Refused
from aggregates.lifecycle import Delete, LiftHold, SetHold
from aggregates.values import ContactId
from identity_engine.application.command import Done
from identity_engine.application.ids import checked_id
from identity_engine.application.operations import reasons
from identity_engine.application.operations.contacts.expiry import Expiry
from identity_engine.application.operations.contacts.presence import (
    HeldElsewhere,
    leave,
    restore,
    standing_of,
)
from identity_engine.application.permissions import needs
from projections.identity.query import GoneIdentity, gone_before


class Restored(Struct, frozen=True):
    """What a restore did, and the identifiers that did not come back because others hold them now."""

    done: Done
    elsewhere: tuple[HeldElsewhere, ...]


class Lifecycle(Expiry):
    """What takes a contact away, brings it back, and keeps it."""

    @needs(Action.CONTACT_DELETE)
    def delete(
        self,
        contact_id: str,
        *,
        reason: str,
        dry_run: bool = False,
        effective_at: datetime | None = None,
    ) -> Done:
        """Delete a contact with its whole set: hidden, its claims end, its links stay.

        Args:
            contact_id: any id of the set.
            reason: why, in a person's words.
            dry_run: decide, and write nothing.
            effective_at: when it became true; None for now.

        Raises:
            NotFound: there is no such contact where the actor may look.
            Refused: `legal_hold`, `erased` or `before_birth`.
        """
        wanted, command_ = checked_id(contact_id), Delete(reason=reasons.needed(reason))
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            members = command.index.members(command.contact(wanted, gone=True).canonical)
            if command.moment < min(command.index.contacts[one].state.born for one in members):
                raise Refused("before_birth", "A contact cannot be deleted before it was known.")
            fact = lifecycle.decide(standing_of(command, members), command_)
            if fact is not None:
                leave(command, members, fact)
        return command.done(wanted)

    @needs(Action.CONTACT_RESTORE)
    def restore(
        self, contact_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> Restored:
        """Bring back a contact that expired or was deleted, with its set and the claims still free.

        Raises:
            NotFound: there is no such contact where the actor may look.
            Refused: `restore_period_over` or `erased`.
        """
        wanted = checked_id(contact_id)
        said = reasons.if_given(reason)
        with self.command(dry_run=dry_run) as command:
            elsewhere = restore(command, command.contact(wanted, gone=True), said)
        return Restored(command.done(wanted), elsewhere)

    @needs(Action.HOLD_SET)
    def set_hold(self, contact_id: str, *, reason: str, dry_run: bool = False) -> Done:
        """Keep a contact and its set for a matter of law: neither deleted nor expired meanwhile.

        Raises:
            NotFound: there is no such contact where the actor may look.
            Refused: `erased`.
        """
        wanted = checked_id(contact_id)
        return self._hold(wanted, SetHold(wanted, reasons.needed(reason)), dry_run=dry_run)

    @needs(Action.HOLD_SET)
    def lift_hold(self, contact_id: str, *, reason: str, dry_run: bool = False) -> Done:
        """End the legal hold that names a contact.

        Raises:
            NotFound: there is no such contact where the actor may look.
            NotYet: no hold keeps it.
            Refused: `held_by_member`, the hold names another member of the set.
        """
        wanted = checked_id(contact_id)
        return self._hold(wanted, LiftHold(wanted, reasons.needed(reason)), dry_run=dry_run)

    @needs(Action.ERASURE_REQUEST)
    def due_for_destruction(self, limit: int = 1_000) -> list[GoneIdentity]:
        """Return the sets that were gone for so long that they cannot be restored, the first first.

        Their personal values are due for destruction; a set on legal hold is not.
        """
        days = self.context.rules.settings.retention.restore_days
        return gone_before(
            self.views,
            lifecycle.restorable_since(self.context.world.now(), days),
            self.divisions,
            limit,
        )

    def _hold(self, wanted: ContactId, order: SetHold | LiftHold, *, dry_run: bool) -> Done:
        with self.command(dry_run=dry_run) as command:
            members = command.index.members(command.contact(wanted, gone=True).canonical)
            fact = lifecycle.decide(standing_of(command, members), order)
            if fact is not None:
                command.write(wanted, fact)
        return command.done(wanted)
