"""Contacts by hand: what people save in their fields (BP-1, BP-2)."""

from collections.abc import Collection, Mapping
from datetime import datetime

from aggregates import editing
from aggregates.access import Action
from aggregates.editing import HandMade, hand_made
from aggregates.values import ContactId
from identity_engine.application.ids import contact_id as checked_id
from identity_engine.application.operations.command import Command, Done, Operations
from identity_engine.application.operations.filling import Filling
from identity_engine.application.operations.permissions import needs
from identity_engine.errors import NotFound, Stale
from projections.match_index.rows import ContactRow
from projections.profile.query import Profile

Texts = Mapping[str, Collection[str]]


class Contacts(Operations):
    """What a person does to contacts."""

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
            UsageError: a field is none that a person may fill, or a value has not its form.
            Stale: the contact has another revision by now; it says what changed.
            NotYet: a value to be removed is none of the contact's.
            Refused: a required field would be left without a value.
        """
        id_ = checked_id(contact_id)
        filling = Filling(self.office.rules, self._shown(id_))
        wanted = filling.edit(set or {}, add or {}, remove or {})
        try:
            with self.command(dry_run=dry_run, effective_at=effective_at) as command:
                row = command.contact(id_)
                _refuse_stale(row, revision)
                filling.check_removed(wanted)
                command.write(id_, *editing.decide(by_hand(command, row), wanted))
        except Stale as stale:
            raise self._with_changes(id_, revision or 0, stale) from None
        return command.done(id_)

    def _shown(self, contact_id: ContactId) -> Profile | None:
        """Return the profile, None where there is none; whether the actor sees it is for the command."""
        try:
            return self.office.queries.profile(contact_id)
        except NotFound:
            return None

    def _with_changes(self, contact_id: ContactId, since: int, stale: Stale) -> Stale:
        shown = self._shown(contact_id)
        if shown is None or not self.office.rights.allow(Action.CONTACT_VIEW, shown.division):
            return stale
        return Stale(stale.revision, self.office.queries.changes_since(contact_id, since))


def _refuse_stale(row: ContactRow, revision: int | None) -> None:
    if revision is not None and row.revision != revision:
        raise Stale(row.revision)


def by_hand(command: Command, row: ContactRow) -> HandMade:
    """Return the values by hand of a whole identity, as of the lock."""
    members = command.index.members(row.canonical)
    events = [event for member in members for event in command.stream(member)]
    return hand_made(event.fact for event in sorted(events, key=lambda one: one.position))
