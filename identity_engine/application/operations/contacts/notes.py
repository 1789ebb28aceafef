"""Notes on a contact (GX-16): written, changed and removed, with their history kept."""

from msgspec import Struct

from aggregates import notes
from aggregates.access import Action
from aggregates.errors import Refused
from aggregates.notes import AddNote, ChangeNote, NoteCommand, RemoveNote, notes_of
from aggregates.values import ContactId, InteractionId, NoteId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id, checked_interaction
from identity_engine.application.input_text import checked_text
from identity_engine.application.operations import reasons
from identity_engine.application.permissions import needs
from identity_engine.application.shown import shows_in
from identity_engine.errors import NotFound
from projections.notes.query import ContactNote, place_of

NO_NOTE = "No note has this id."


class Noted(Struct, frozen=True):
    """What writing a note did, and its id."""

    done: Done
    note_id: NoteId


class Notes(Operations):
    """What a person writes about a contact."""

    @needs(Action.NOTE_EDIT)
    def add(
        self,
        contact_id: str,
        text: str,
        *,
        interaction_id: str | None = None,
        dry_run: bool = False,
    ) -> Noted:
        """Write a note; it stands on exactly the contact named, and follows its merges.

        Args:
            contact_id: any id of the contact.
            text: up to 4096 characters.
            interaction_id: the interaction it is written in; it goes along where that is given to
                another contact.
            dry_run: decide, and write nothing.

        Raises:
            UsageError: the text is empty or too long.
            Refused: the interaction is not the contact's.
        """
        said = checked_text(text, "A note")
        with self.command(dry_run=dry_run) as command:
            row = command.contact(checked_id(contact_id))
            during = None
            if interaction_id is not None:
                during = checked_interaction(interaction_id)
                linked = command.interaction(during).contact_id
                if linked is None or command.index.canonical(linked) != row.canonical:
                    raise Refused("not_linked", "This interaction is not the contact's.")
            note_id = add_note(command, row.contact_id, said, during)
        return Noted(command.done(row.contact_id), note_id)

    @needs(Action.NOTE_EDIT)
    def change(self, note_id: str, text: str, *, dry_run: bool = False) -> Done:
        """Let a note say something else; what it said before stays in its history.

        Raises:
            NotFound: no contact that the actor sees has such a note.
            Refused: it was removed.
        """
        said = checked_text(text, "A note")
        return self._write(ChangeNote(NoteId(checked_id(note_id)), said), dry_run=dry_run)

    @needs(Action.NOTE_EDIT)
    def remove(self, note_id: str, *, reason: str | None = None, dry_run: bool = False) -> Done:
        """Take a note away; it stays in the history.

        Raises:
            NotFound: no contact that the actor sees has such a note.
        """
        why = reasons.if_given(reason)
        return self._write(RemoveNote(NoteId(checked_id(note_id)), why), dry_run=dry_run)

    @needs(Action.CONTACT_VIEW)
    def list(
        self, contact_id: str, *, removed: bool = False, as_of: str | None = None
    ) -> tuple[ContactNote, ...]:
        """Return the notes of a contact and of all that are one with it, the oldest first.

        Args:
            contact_id: any id of the contact.
            removed: also those that were taken away.
            as_of: as they were at a time or `pos:N`; None for now.
        """
        id_ = checked_id(contact_id)
        self.seen(self.context.queries.profile(id_), "No contact has this id.")
        shows = shows_in(self.context.follower, self.divisions)
        return self.context.queries.notes(id_, as_of, removed=removed, shows=shows)

    def _write(self, wanted: NoteCommand, *, dry_run: bool) -> Done:
        contact_id = place_of(self.views, wanted.note_id)
        if contact_id is None:
            raise NotFound(NO_NOTE)
        with self.command(dry_run=dry_run) as command:
            try:
                row = command.contact(contact_id)
            except NotFound:
                raise NotFound(NO_NOTE) from None
            _write(command, row.contact_id, wanted)
        return command.done(row.contact_id)


def add_note(
    command: Command, contact_id: ContactId, text: str, interaction_id: InteractionId | None
) -> NoteId:
    """Write a note on a contact that the command has loaded, and return its id.

    Args:
        command: under way; whether the actor may do this is checked before.
        contact_id: the contact.
        text: checked.
        interaction_id: the interaction it is written in.
    """
    note_id = NoteId(command.new_id())
    _write(command, contact_id, AddNote(note_id, text, interaction_id))
    return note_id


def _write(command: Command, contact_id: ContactId, wanted: NoteCommand) -> None:
    known = notes_of(command.facts(contact_id))
    command.write(contact_id, *notes.decide(known, wanted))
