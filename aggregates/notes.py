"""Notes that people write, on a contact or on a case: each keeps its history.

The facts stand in the stream of what they are a note on, and are sealed under its key. Whoever folds
that stream folds its notes too: `notes_of` takes any facts and passes what is no note.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.values import ContactId, Erased, Fact, InteractionId, NoteId, Stored


class NotePersonal(Stored, frozen=True, kw_only=True):
    """What a note says."""

    text: str


class NoteAdded(Fact, frozen=True, kw_only=True):
    """A person wrote a note; `interaction_id` names the interaction during which, if it was in one.

    A note of an interaction goes along when the interaction is given to another contact.
    """

    TOPIC: ClassVar[str] = "note.added"

    note_id: NoteId
    interaction_id: InteractionId | None = None
    personal: NotePersonal | Erased


class NoteChanged(Fact, frozen=True, kw_only=True):
    """The note says something else from now on; what it said before stays in the log."""

    TOPIC: ClassVar[str] = "note.changed"

    note_id: NoteId
    personal: NotePersonal | Erased


class NoteRemovalPersonal(Stored, frozen=True, kw_only=True):
    """A person's words on why a note was taken away."""

    reason: str


class NoteRemoved(Fact, frozen=True, kw_only=True):
    """The note is shown no longer, except in the history."""

    TOPIC: ClassVar[str] = "note.removed"

    note_id: NoteId
    personal: NoteRemovalPersonal | Erased | None = None


class NoteGiven(Fact, frozen=True, kw_only=True):
    """The note was meant for another contact, which has it now, and is shown here no longer."""

    TOPIC: ClassVar[str] = "note.given"

    note_id: NoteId
    given_to: ContactId


class NoteTakenOver(Fact, frozen=True, kw_only=True):
    """A note that `author` wrote on another contact, `given_from`, stands on this one from now on."""

    TOPIC: ClassVar[str] = "note.taken_over"

    note_id: NoteId
    given_from: ContactId
    author: str
    personal: NotePersonal | Erased


NoteFact = NoteAdded | NoteChanged | NoteRemoved | NoteGiven | NoteTakenOver


class Note(Struct, frozen=True):
    """What a note says now; None once it is erased."""

    text: str | None
    interaction_id: InteractionId | None = None
    is_removed: bool = False


Notes = Mapping[NoteId, Note]


class AddNote(Struct, frozen=True):
    """Write a note."""

    note_id: NoteId
    text: str
    interaction_id: InteractionId | None = None


class GiveNote(Struct, frozen=True):
    """Take a note away, because another contact has it now."""

    note_id: NoteId
    given_to: ContactId


class ChangeNote(Struct, frozen=True):
    """Let a note say something else."""

    note_id: NoteId
    text: str


class RemoveNote(Struct, frozen=True):
    """Take a note away."""

    note_id: NoteId
    reason: str | None = None


NoteCommand = AddNote | ChangeNote | RemoveNote | GiveNote


def decide(notes: Notes, command: NoteCommand) -> tuple[NoteFact, ...]:
    """Return the facts that carry out `command`; none where it would change nothing.

    Raises:
        AlreadyDone: there is a note of this id already.
        NotYet: there is none.
        Refused: `removed`, the note was taken away.
    """
    note = notes.get(command.note_id)
    match command:
        case AddNote(note_id=note_id, text=text, interaction_id=interaction_id):
            if note is not None:
                raise AlreadyDone("This note exists already.")
            said = NotePersonal(text=text)
            return (NoteAdded(note_id=note_id, interaction_id=interaction_id, personal=said),)
        case _ if note is None:
            raise NotYet("There is no note of this id here.")
        case ChangeNote(note_id=note_id, text=text):
            if note.is_removed:
                raise Refused("removed", "This note was removed; write a new one.")
            if note.text == text:
                return ()
            return (NoteChanged(note_id=note_id, personal=NotePersonal(text=text)),)
        case GiveNote(note_id=note_id, given_to=given_to):
            return () if note.is_removed else (NoteGiven(note_id=note_id, given_to=given_to),)
        case RemoveNote(note_id=note_id, reason=reason):
            if note.is_removed:
                return ()
            why = None if reason is None else NoteRemovalPersonal(reason=reason)
            return (NoteRemoved(note_id=note_id, personal=why),)


def evolve(notes: Notes, fact: Fact) -> Notes:
    """Return the notes after `fact`."""
    match fact:
        case NoteAdded(note_id=note_id, personal=personal):
            return {**notes, note_id: Note(_text(personal), fact.interaction_id)}
        case NoteTakenOver(note_id=note_id, personal=personal):
            return {**notes, note_id: Note(_text(personal))}
        case NoteChanged(note_id=note_id, personal=personal) if note_id in notes:
            return {**notes, note_id: replace(notes[note_id], text=_text(personal))}
        case NoteRemoved(note_id=note_id) | NoteGiven(note_id=note_id) if note_id in notes:
            return {**notes, note_id: replace(notes[note_id], is_removed=True)}
        case _:
            return notes


def notes_of(facts: Iterable[Fact]) -> Notes:
    """Return the notes of one stream, by their ids, in the order in which they were written."""
    notes: Notes = {}
    for fact in facts:
        notes = evolve(notes, fact)
    return notes


def _text(personal: NotePersonal | Erased) -> str | None:
    return None if isinstance(personal, Erased) else personal.text
