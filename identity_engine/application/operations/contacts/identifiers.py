"""Identifiers by hand: add, verify, release, transfer, share (GX-5, GX-6).

Adding never takes a value from anybody: what another contact holds is refused, or its merge offered.
"""

from datetime import datetime

from msgspec import Struct

from aggregates.access import Action
from aggregates.errors import NotYet, Refused
from aggregates.identifier import Holding
from aggregates.ownership import Release, Share, Transfer, Unshare, Verify
from aggregates.values import ContactId, IdentifierId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id
from identity_engine.application.input_text import checked_text
from identity_engine.application.operations import reasons
from identity_engine.application.operations.values.claiming import ManualClaim, Value
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound
from projections.match_index.rows import ContactRow

NOT_HELD = "This contact does not hold that identifier."


class Added(Struct, frozen=True):
    """What adding an identifier did.

    `merge_offered` names the ephemeral contacts that hold the value: nothing was written, and they
    may be merged with the contact instead.
    """

    done: Done
    merge_offered: tuple[ContactId, ...] = ()


class Identifiers(Operations):
    """What a person does to the identifiers of a contact."""

    @needs(Action.IDENTITY_CLAIM)
    def add(
        self,
        contact_id: str,
        value: Value,
        *,
        verified: bool = False,
        label: str | None = None,
        primary: bool | None = None,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Added:
        """Let a contact hold a value that is free; of an own value, raise or describe the claim.

        Args:
            contact_id: any id of the contact; the claim stands on exactly this member.
            value: the identifier.
            verified: it was shown that the value reaches the contact. Never lowers what is verified.
            label: what to call it, such as `work`; None leaves it as it is, an empty text takes it.
            primary: make it the first of its type, or no longer; None leaves it as it is.
            effective_at: since when it holds the value; None for now.
            dry_run: decide, and write nothing.

        Raises:
            Refused: the value is invalid or blocked; `no_country` or `no_such_number`, no numbering
                plan places the phone number; `held_by_another`, with the holder where the
                actor may see it, else a reference; `exclusive_conflict`, the contact has another
                value of a type of which a person has one.
        """
        said = checked_text(label, "A label") if label else label
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            row, held = _at_hand(command, contact_id, value)
            held.refuse_unplaced()
            offered = held.add(verified=verified)
            if not offered:
                held.describe(said, primary)
        return Added(command.done(row.contact_id), offered)

    @needs(Action.IDENTITY_CLAIM)
    def verify(self, contact_id: str, value: Value, *, dry_run: bool = False) -> Done:
        """Raise a value that the contact holds to verified.

        Raises:
            NotYet: the contact does not hold it.
        """
        with self.command(dry_run=dry_run) as command:
            row, held = _at_hand(command, contact_id, value)
            held.write(Verify(held.members))
        return command.done(row.contact_id)

    @needs(Action.IDENTITY_CLAIM)
    def release(
        self,
        contact_id: str,
        value: Value,
        *,
        reason: str | None = None,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """End the claim of a contact on a value; that it held it stays known.

        Raises:
            NotYet: the contact does not hold it.
            Refused: the claim would end before it began.
        """
        why = reasons.if_given(reason)
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            row, held = _at_hand(command, contact_id, value)
            holders = dict.fromkeys(one.contact_id for one in held.held())
            if not holders:
                raise NotYet(NOT_HELD)
            for holder in holders:
                held.write(Release(holder, command.moment, why), about=holder)
        return command.done(row.contact_id)

    @needs(Action.IDENTITY_TRANSFER)
    def transfer(
        self,
        contact_id: str,
        value: Value,
        *,
        from_contact_id: str,
        reason: str,
        verified: bool = False,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Give a value of one contact to another; past interactions stay where they are.

        Args:
            contact_id: the new holder.
            value: the identifier.
            from_contact_id: who holds it now. The actor needs the right on both.
            reason: why, for the audit.
            verified: it was shown that the value reaches the new holder.
            effective_at: since when; None for now.
            dry_run: decide, and write nothing.

        Raises:
            NotYet: the other contact does not hold it.
            Refused: both are one contact, or of two divisions; the claim would end before it began.
        """
        why = reasons.needed(reason)
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            row, held = _at_hand(command, contact_id, value)
            before = command.contact(checked_id(from_contact_id))
            if before.canonical == row.canonical:
                raise Refused("same_contact", "These two ids are one contact already.")
            if before.state.division != row.state.division:
                raise Refused("other_division", "The two contacts belong to different divisions.")
            former = frozenset(command.index.members(before.canonical))
            held.write(Transfer(held.claim(verified=verified), former, why))
        return command.done(row.contact_id)

    @needs(Action.IDENTITY_SHARE)
    def share(
        self,
        contact_id: str,
        value: Value,
        *,
        reason: str,
        verified: bool = False,
        dry_run: bool = False,
    ) -> Done:
        """Let a contact hold a value that others hold too; the value then links nobody by itself.

        Raises:
            NotYet: nobody holds it; add it instead.
        """
        why = reasons.needed(reason)
        with self.command(dry_run=dry_run) as command:
            row, held = _at_hand(command, contact_id, value)
            held.write(Share(held.claim(verified=verified), why))
        return command.done(row.contact_id)

    @needs(Action.IDENTITY_SHARE)
    def unshare(self, contact_id: str, value: Value, *, reason: str, dry_run: bool = False) -> Done:
        """Take back that several people use a value; who holds it stays.

        Raises:
            NotYet: the contact does not hold it, or no person has marked it shared.
        """
        why = reasons.needed(reason)
        with self.command(dry_run=dry_run) as command:
            row, held = _at_hand(command, contact_id, value)
            if not held.held():
                raise NotYet(NOT_HELD)
            held.write(Unshare(why))
        return command.done(row.contact_id)

    @needs(Action.CONTACT_VIEW)
    def holders(self, reference: str) -> tuple[Holding, ...]:
        """Return who holds and held an identifier, by its id, which a refusal gives as reference.

        Raises:
            NotFound: there is none, or none of a contact that the actor sees.
        """
        id_, store = IdentifierId(checked_id(reference)), self.context.store
        with store.reading() as cursor:
            reader = store.index.begin(cursor)
            index = reader.index
            reader.load_identifier_streams([id_])
            reader.load_nearby((), index.holders())
            rows, held = index.contacts, index.holdings(id_)
        seen = self.context.rights.allow
        found = tuple(one for one in held if seen(self.action, rows[one.contact_id].state.division))
        if not found:
            raise NotFound("No identifier has this id.")
        return found


def _at_hand(command: Command, contact_id: str, value: Value) -> tuple[ContactRow, ManualClaim]:
    row = command.contact(checked_id(contact_id))
    return row, ManualClaim(command, row, value)
