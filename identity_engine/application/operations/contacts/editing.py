"""Contacts by hand: entered (GX-14), promoted (GX-4), and what people save in them (BP-1, BP-2)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from aggregates import contact, editing
from aggregates.access import Action
from aggregates.contact import ContactCreated, ContactPromoted, Promote, UndoPromotion
from aggregates.editing import HandMade, Values, hand_made, withdrawn
from aggregates.errors import NotYet, Refused
from aggregates.interaction import GivenIdentifier
from aggregates.values import ContactId, Fact, Stage
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.hand_made import first_values
from identity_engine.application.ids import checked_id
from identity_engine.application.input_text import ID, checked
from identity_engine.application.operations import reasons
from identity_engine.application.operations.contacts.duplicates import Duplicates, PossibleDuplicate
from identity_engine.application.operations.contacts.presence import restore
from identity_engine.application.operations.contacts.stages import settle_stage
from identity_engine.application.operations.known_divisions import refuse_unknown_division
from identity_engine.application.operations.values.claiming import (
    ManualClaim,
    Value,
    normalised,
    refuse_unplaced,
)
from identity_engine.application.operations.values.filling import Filling
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound, Stale, UsageError
from projections.match_index.rows import ContactRow
from projections.profile.difference import moved
from projections.profile.query import Profile

Texts = Mapping[str, Collection[str]]


class NewIdentifier(Struct, frozen=True):
    """An identifier that a new contact is to hold, and whether it was shown to reach the contact."""

    value: Value
    verified: bool = False


class Created(Struct, frozen=True):
    """What entering a contact did.

    Where there are possible duplicates, nothing is written unless the caller saves despite them.
    `not_claimed` are the places of the given identifiers that an ephemeral contact holds, which the
    new one may be merged with.
    """

    done: Done
    duplicates: tuple[PossibleDuplicate, ...]
    not_claimed: tuple[int, ...] = ()


class Contacts(Operations):
    """What a person does to contacts."""

    @needs(Action.CONTACT_ADD)
    def create(
        self,
        *,
        set: Mapping[str, str] | None = None,  # noqa: A002 - the word of the command line
        add: Texts | None = None,
        identifiers: Sequence[NewIdentifier] = (),
        division: str | None = None,
        new_division: bool = False,
        despite_duplicates: bool = False,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Created:
        """Enter a contact by hand; it is curated.

        Args:
            set: field -> value.
            add: field that takes several values -> values.
            identifiers: those it is to hold.
            division: where it belongs; None for the policy's default.
            new_division: take a division too that nothing knows yet.
            despite_duplicates: save although there are possible duplicates.
            effective_at: since when it is known; None for now.
            dry_run: look for possible duplicates, and write nothing.

        Raises:
            UsageError: a field is none that a person may fill, a value has not its form, or nothing
                is given.
            Denied: it needs contact:add, for an identifier that is verified identity:claim too.
            Refused: `unknown_division`, no contact lies there, and neither the policy nor a grant names
                it; an identifier is invalid or another contact holds it; a required field is missing;
                `nothing_left`, there is no value, and ephemeral contacts hold all the identifiers.
        """
        filling = Filling(self.context.rules)
        wanted = filling.edit(set or {}, add or {}, {})
        filling.check_required(wanted)
        given = [self._usable(one.value) for one in identifiers]
        facts = editing.decide(HandMade(), wanted)
        if not facts and not given:
            raise UsageError("A new contact needs a value or an identifier.")
        where = checked(ID, division, "A division") if division is not None else None
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            where = where or command.rules.policy.default_division
            command.permit(where)
            if not new_division:
                refuse_unknown_division(command, self.context.policies.access, where)
            if any(one.verified for one in identifiers):
                command.require(Action.IDENTITY_CLAIM, where)
            found = Duplicates(command, where).of(first_values(hand_made(facts)), given)
            if found and (dry_run or not despite_duplicates):
                return Created(command.done(), found)
            row = entered(command, where, facts)
            not_claimed = tuple(
                place
                for place, one in enumerate(identifiers)
                if ManualClaim(command, row, one.value).add(verified=one.verified)
            )
            if not facts and len(not_claimed) == len(given):
                raise Refused(
                    "nothing_left",
                    "An ephemeral contact holds all that is given, and nothing would be left for a new "
                    "one. Find that contact with search, and promote or edit it.",
                )
        return Created(command.done(row.contact_id), found, not_claimed)

    @needs(Action.IDENTITY_PROMOTE)
    def promote(self, contact_id: str, *, dry_run: bool = False) -> Done:
        """Vouch for a contact: it is curated, and never expires. No change if it is so already.

        One that has expired is brought back first, which takes the right to restore too.

        Raises:
            Refused: it is deleted or erased, or it expired too long ago (`restore_period_over`).
        """
        with self.command(dry_run=dry_run) as command:
            row = command.contact(checked_id(contact_id), also="expired")
            if row.state.presence == "expired":
                command.require(Action.CONTACT_RESTORE, row.state.division, row.contact_id)
                restore(command, row, None)
            vouch_for(command, command.contact(row.contact_id))
        return command.done(row.contact_id)

    @needs(Action.IDENTITY_PROMOTE)
    def undo_promotion(
        self, contact_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> Done:
        """Take back a promotion: the contact has the stage that it would have without it. That is the
        one that it had before, unless a link was made or taken back since that would have changed it.

        Raises:
            NotYet: no member of its identity was promoted.
            Refused: it was entered by hand, or several members were promoted and none is named.
        """
        why = reasons.if_given(reason)
        with self.command(dry_run=dry_run) as command:
            row = _promoted(command, command.contact(checked_id(contact_id)))
            facts = command.facts(row.contact_id)
            (made, *_) = (fact for fact in facts if isinstance(fact, ContactCreated))
            if made.interaction_id is None:
                raise Refused(
                    "made_by_hand", "This contact was entered by hand; delete it instead."
                )
            stages = [one.stage_before for one in facts if isinstance(one, ContactPromoted)]
            undo = UndoPromotion(stages[-1], why)
            command.write(row.contact_id, *contact.decide(row.state, undo))
            settle_stage(command, row.contact_id)
        return command.done(row.contact_id)

    @needs(Action.CONTACT_EDIT)
    def edit(
        self,
        contact_id: str,
        *,
        set: Mapping[str, str] | None = None,  # noqa: A002 - the word of the command line
        add: Texts | None = None,
        remove: Texts | None = None,
        revision: int | None = None,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Save values of a contact: one event, all or nothing, none without a change.

        Args:
            contact_id: any id of the contact; the edit stands on exactly this member.
            set: field -> the value it has from now on; replaces what people gave it before.
            add: field that takes several values -> further ones.
            remove: field -> values that are wrong; they are shown no longer, whoever says them.
            revision: that of the contact the values were read from; None saves over any change.
            effective_at: when the values became true; None for now.
            dry_run: decide, and write nothing.

        Raises:
            UsageError: a field is none that a person may fill, a value has not its form, or the contact
                never had that revision.
            Stale: the contact has another revision by now; it says what moved, to who may see it.
            NotYet: a value to be removed is none of the contact's.
            Refused: a required field would be left without a value.
        """
        id_ = checked_id(contact_id)
        rules = self.context.rules
        in_schema = {*(set or ()), *(add or ())} <= rules.settings.contact_fields.keys()
        # Views have to follow before they can say what is shown; most edits need not know it.
        filling = Filling(rules, self._values(id_) if remove or not in_schema else None)
        wanted = filling.edit(set or {}, add or {}, remove or {})
        try:
            with self.command(dry_run=dry_run, effective_at=effective_at) as command:
                row = command.contact(id_)
                _refuse_stale(row, revision)
                filling.check_removed(wanted)
                own = hand_made(command.facts(id_))
                command.write(id_, *editing.decide(by_hand(command, row), wanted, own))
        except Stale as stale:
            raise self._with_changes(id_, revision or 0, stale) from None
        return command.done(id_)

    def _usable(self, value: Value) -> GivenIdentifier:
        policy = self.context.rules.policy
        given, _ = normalised(policy, value)
        refuse_unplaced(policy, value, given)
        return given

    def _shown(self, contact_id: ContactId) -> Profile | None:
        """Return the profile, None where there is none; whether the actor sees it is for the command."""
        try:
            return self.context.queries.profile(contact_id)
        except NotFound:
            return None

    def _values(self, contact_id: ContactId) -> Values:
        shown = self._shown(contact_id)
        return shown.values if shown is not None else {}

    def _with_changes(self, contact_id: ContactId, since: int, stale: Stale) -> Stale:
        shown = self._shown(contact_id)
        if shown is None or not self.context.rights.allow(Action.CONTACT_VIEW, shown.division):
            return stale
        queries = self.context.queries
        changes = queries.changes_since(contact_id, since)
        before = queries.before(contact_id, changes) if changes else None
        difference = moved(before, shown) if before is not None else ()
        return Stale(stale.revision, changes, difference)


def entered(command: Command, division: str, facts: Iterable[Fact]) -> ContactRow:
    """Write a new contact, which is curated, with what people say of it."""
    id_ = ContactId(command.new_id())
    command.write(id_, ContactCreated(division=division))
    command.write(id_, ContactPromoted(stage_before=Stage.EPHEMERAL), *facts)
    return command.index.contacts[id_]


def vouch_for(command: Command, row: ContactRow) -> None:
    """Let a contact be curated, if its identity is not so already."""
    if command.index.identity(row.contact_id).stage is not Stage.CURATED:
        command.write(row.contact_id, *contact.decide(row.state, Promote()))


def _promoted(command: Command, row: ContactRow) -> ContactRow:
    """Return the member of an identity that was promoted: the named one, else the only one."""
    if row.state.stage is Stage.CURATED:
        return row
    members = (command.index.contacts[one] for one in command.index.members(row.canonical))
    curated = [one for one in members if one.state.stage is Stage.CURATED]
    if not curated:
        raise NotYet("This contact was not promoted.")
    if len(curated) > 1:
        named = ", ".join(sorted(one.contact_id for one in curated))
        raise Refused("several", f"Several members were promoted; name one of {named}.")
    return curated[0]


def _refuse_stale(row: ContactRow, revision: int | None) -> None:
    if revision is not None and not 1 <= revision <= row.revision:
        raise UsageError(
            f"The contact never had revision {revision}: it has {row.revision}. Give the one that was "
            "shown with the values."
        )
    if revision is not None and row.revision != revision:
        raise Stale(row.revision)


def by_hand(command: Command, row: ContactRow) -> HandMade:
    """Return the values by hand of a whole identity, as of the lock."""
    members = command.index.members(row.canonical)
    events = []
    for stream in (command.stream(member) for member in members):
        gone = withdrawn(event.fact for event in stream)
        events += [event for event in stream if event.version not in gone]
    return hand_made(event.fact for event in sorted(events, key=lambda one: one.position))
