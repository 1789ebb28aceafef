"""What people do with cases: open, add to, move on, assign, keep at hand, close."""

from datetime import timedelta
from typing import Literal

from msgspec import Struct

from aggregates import agent
from aggregates.access import Action
from aggregates.case import (
    Assign,
    CaseCommand,
    Close,
    LinkInteraction,
    Pin,
    Resolve,
    SetPending,
    Use,
)
from aggregates.case_facts import number_text
from aggregates.errors import Refused
from aggregates.notes import AddNote, ChangeNote, RemoveNote
from aggregates.values import (
    CompositionId,
    ContactId,
    MailId,
    NoteId,
    instant_text,
)
from identity_engine.application.acting import Operations
from identity_engine.application.cases.entry import (
    Entry,
    Origin,
    checked_case_note,
    checked_title,
)
from identity_engine.application.cases.file import CaseFile, open_case
from identity_engine.application.cases.letters import draft, release
from identity_engine.application.cases.origins import CaseOrigin, find_origin
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id, checked_interaction
from identity_engine.application.operations.administration import checked_actor
from identity_engine.application.operations.contacts.notes import add_note
from identity_engine.application.operations.reasons import if_given
from identity_engine.application.permissions import needs
from identity_engine.errors import Denied, NotFound, UsageError
from projections.cases.query import resolved_before
from projections.match_index.rows import ContactRow


class SavedCase(Struct, frozen=True):
    """What a command did to a case; `case_id` and `number` are None where no case came of it.

    `contact_id` stands for whose case it is now; `mail_id` names the mail that was written.
    """

    case_id: str | None
    number: str | None
    state: str | None
    contact_id: ContactId | None
    mail_id: MailId | None
    done: Done


class Cases(Operations):
    """Cases by hand. A case is named by its id or by its number, such as `C-000123`."""

    @needs(Action.CASE_EDIT)
    def open(
        self,
        origin: Origin,
        entry: Entry,
        *,
        subject: str | None = None,
        composition: str | None = None,
        dry_run: bool = False,
    ) -> SavedCase:
        """Open a case from a place, with what is saved first; a contact's note alone opens none.

        Args:
            origin: where it is opened.
            entry: the first note, mail or state: without one there is no case.
            subject: what it is about; None takes the mail's.
            composition: what the actor was composing; it ends with this.
            dry_run: decide, and write nothing.

        Raises:
            UsageError: something given is not usable.
            NotFound, Denied: the actor does not see the place, or may not do this there.
            Refused: the place gives no case (`mail_opens_its_own`, `not_in_queue`,
                `several_holders`, `no_contact`), or the rules of the case refuse the entry.
        """
        entry = entry.checked()
        title = checked_title(subject, entry)
        with self.command(dry_run=dry_run) as command:
            found = find_origin(command, origin, self.context)
            file, mail_id = None, None
            if entry.is_of_case:
                file = open_case(
                    command,
                    origin.place,
                    found.division,
                    subject=title,
                    interaction_id=found.interaction_id,
                    contact_id=found.contact_id,
                    from_case=found.case,
                )
                if origin.place == "interaction" and found.interaction_id is not None:
                    file.do(LinkInteraction(found.interaction_id, "opening"))
                mail_id = self._enter(command, file, entry, found.addresses)
            self._note_on_contact(command, found, entry)
            self._free(command, composition, "sent" if entry.send else "saved")
        return self._saved(command, file, mail_id)

    @needs(Action.CASE_EDIT)
    def add(
        self, case: str, entry: Entry, *, composition: str | None = None, dry_run: bool = False
    ) -> SavedCase:
        """Save notes, a mail or a state in a case.

        Raises:
            UsageError, NotFound, Denied: as for `open`.
            Refused: `closed`, `unknown_reason`, `unknown_disposition`, and what a mail needs.
        """
        entry = entry.checked()
        with self.command(dry_run=dry_run) as command:
            row = command.case(case)
            file = CaseFile(command, row.case_id)
            mail_id = self._enter(command, file, entry)
            self._note_on_contact(command, CaseOrigin(row.division, case=row), entry)
            self._free(command, composition, "sent" if entry.send else "saved")
        return self._saved(command, file, mail_id)

    @needs(Action.CASE_EDIT)
    def follow_up(
        self,
        case: str,
        entry: Entry,
        *,
        subject: str | None = None,
        composition: str | None = None,
        dry_run: bool = False,
    ) -> SavedCase:
        """Open a case that follows a closed one; it is the matter of the same person. A contact's note
        alone opens none.

        Raises:
            Refused: `not_closed`, a case that is not closed is worked on itself.
        """
        entry = entry.checked()
        title = checked_title(subject, entry)
        with self.command(dry_run=dry_run) as command:
            before = command.case(case)
            if before.state != "closed":
                raise Refused("not_closed", "Only a closed case is followed up. Work on it itself.")
            file, mail_id = None, None
            if entry.is_of_case:
                file = open_case(
                    command, "case", before.division, subject=title, follow_up_of=before
                )
                mail_id = self._enter(command, file, entry)
            self._note_on_contact(command, CaseOrigin(before.division, case=before), entry)
            self._free(command, composition, "sent" if entry.send else "saved")
        return self._saved(command, file, mail_id)

    @needs(Action.CASE_EDIT)
    def use(self, case: str, *, dry_run: bool = False) -> SavedCase:
        """Work on a case: a new, pending or resolved one is open from then on.

        Raises:
            Refused: `closed`.
        """
        return self._do(case, Use(), dry_run=dry_run)

    @needs(Action.CASE_EDIT)
    def close(self, case: str, *, dry_run: bool = False) -> SavedCase:
        """Close a resolved case for good.

        Raises:
            Refused: `not_resolved`, `mail_on_its_way`.
        """
        return self._do(case, Close(), dry_run=dry_run)

    @needs(Action.CASE_EDIT)
    def change_note(
        self, case: str, note_id: str, text: str, *, dry_run: bool = False
    ) -> SavedCase:
        """Let a note of a case say something else; the history keeps what it said."""
        wanted = ChangeNote(NoteId(checked_id(note_id)), checked_case_note(text))
        return self._do(case, wanted, dry_run=dry_run)

    @needs(Action.CASE_EDIT)
    def remove_note(
        self, case: str, note_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> SavedCase:
        """Take a note of a case away; the history keeps it."""
        wanted = RemoveNote(NoteId(checked_id(note_id)), if_given(reason))
        return self._do(case, wanted, dry_run=dry_run)

    @needs(Action.CASE_EDIT)
    def link(self, case: str, interaction_id: str, *, dry_run: bool = False) -> SavedCase:
        """Let an interaction belong to a case; it keeps its own contact.

        Raises:
            Refused: `closed`, or `other_division`.
        """
        with self.command(dry_run=dry_run) as command:
            row = command.case(case)
            wanted = checked_interaction(interaction_id)
            linked = command.interaction(wanted)
            if linked.division != command.division_of_case(row):
                raise Refused("other_division", "Case and interaction lie in two divisions.")
            file = CaseFile(command, row.case_id)
            file.do(LinkInteraction(wanted, "hand"))
        return self._saved(command, file)

    @needs(Action.CASE_ASSIGN)
    def assign(
        self,
        case: str,
        *,
        agent_id: str | None = None,
        queue: str | None = None,
        dry_run: bool = False,
    ) -> SavedCase:
        """Put a case into an agent's personal queue, into a team's queue, or (neither) into none.

        Raises:
            UsageError: both are given, or one is no opaque id.
            Refused: `closed`.
        """
        if agent_id is not None and queue is not None:
            raise UsageError("A case lies in one queue: name an agent or a team.")
        for one in (agent_id, queue):
            if one is not None:
                checked_actor(one)
        return self._do(case, Assign(agent_id, queue), dry_run=dry_run)

    @needs(Action.CASE_VIEW)
    def pin(self, case: str, *, dry_run: bool = False) -> SavedCase:
        """Keep a case at hand, for the actor alone.

        Raises:
            Refused: `closed`.
        """
        return self._do(case, Pin(self.context.actor), dry_run=dry_run)

    @needs(Action.CASE_VIEW)
    def unpin(self, case: str, *, dry_run: bool = False) -> SavedCase:
        """Keep a case at hand no longer."""
        return self._do(case, Pin(self.context.actor, pinned=False), dry_run=dry_run)

    @needs(Action.CASE_EDIT)
    def compose(
        self, *, mode: str = "compose", case: str | None = None, dry_run: bool = False
    ) -> CompositionId | None:
        """Begin to compose outside an interaction: the actor is busy, in a mode such as `preview`.

        Returns:
            What names the composition when it is saved or discarded; None of a dry run.
        """
        checked_actor(mode)
        with self.command(dry_run=dry_run) as command:
            row = command.case(case) if case is not None else None
            composition = CompositionId(command.new_id())
            wanted = agent.Compose(
                self.context.actor, mode, row.case_id if row is not None else None
            )
            command.write(composition, *agent.decide(None, wanted))
        return None if dry_run else composition

    @needs(Action.CASE_EDIT)
    def discard(self, composition: str, *, dry_run: bool = False) -> Done:
        """Throw away what the actor was composing: nothing is left of it, and the actor is free.

        Raises:
            NotFound: nobody composes this, or somebody else does and the actor may not assign cases.
            AlreadyDone: it has ended.
        """
        with self.command(dry_run=dry_run) as command:
            self._free(command, composition, "discarded")
        return command.done()

    @needs(Action.OPERATIONS_REDRIVE)
    def sweep(self, *, dry_run: bool = False) -> list[str]:
        """Close each case that was resolved so long ago as the settings say, in the divisions where the
        actor may do so; return their numbers."""
        days = self.context.rules.settings.cases.close_after_days
        before = instant_text(self.context.world.now() - timedelta(days=days))
        closed = []
        for case_id in resolved_before(self.views, before, self.divisions):
            with self.command(dry_run=dry_run) as command:
                row = command.case(case_id)
                file = CaseFile(command, row.case_id)
                if row.state == "resolved" and not file.state.has_unfinished_mail:
                    file.do(Close("sweep"))
                    closed.append(number_text(row.number))
        return closed

    def _do(self, case: str, wanted: CaseCommand, *, dry_run: bool) -> SavedCase:
        with self.command(dry_run=dry_run) as command:
            file = CaseFile(command, command.case(case).case_id)
            file.do(wanted)
        return self._saved(command, file)

    def _enter(
        self,
        command: Command,
        file: CaseFile,
        entry: Entry,
        addresses: tuple[str, ...] = (),
    ) -> MailId | None:
        """Write what belongs to the case: note, mail, then state."""
        settings, mail_id = self.context.rules.settings, None
        if entry.note is not None:
            file.do(AddNote(NoteId(command.new_id()), entry.note))
        if entry.letter is not None:
            mail_id = MailId(command.new_id())
            draft(command, file, mail_id, entry.letter, addresses)
            if entry.send:
                release(file, mail_id, settings.outgoing_mail, self.context.store.digests)
        if entry.pending is not None:
            file.do(SetPending(entry.pending, settings.cases.pending_reasons))
        if entry.resolved is not None:
            file.do(Resolve(entry.resolved, settings.cases.dispositions))
        return mail_id

    def _note_on_contact(self, command: Command, found: CaseOrigin, entry: Entry) -> None:
        if entry.contact_note is None:
            return
        contact = self._contact_to_note_on(command, found)
        if not command.may(Action.NOTE_EDIT, contact.state.division):
            raise Denied(Action.NOTE_EDIT, contact.state.division, contact.contact_id)
        add_note(command, contact.contact_id, entry.contact_note, found.interaction_id)

    def _contact_to_note_on(self, command: Command, found: CaseOrigin) -> ContactRow:
        contact_id = found.contact_id
        if found.interaction_id is not None:
            contact_id = command.index.linked(found.interaction_id)
        elif found.case is not None:
            whose = command.contact_of(found.case)
            contact_id = whose.contact_id if whose is not None else None
        if contact_id is None:
            raise Refused("no_contact", "There is no contact to write a note on.")
        return command.contact(contact_id)

    def _free(
        self,
        command: Command,
        composition: str | None,
        ended: Literal["sent", "saved", "discarded"],
    ) -> None:
        if composition is None:
            return
        stream = CompositionId(checked_id(composition))
        state: agent.Composition = None
        for event in command.stream(stream):
            state = agent.evolve(state, event.fact)
        mine = state is not None and state.agent == self.context.actor
        if not mine and not self.context.rights.allow_everywhere(Action.CASE_ASSIGN):
            raise NotFound("Nobody composes anything under this id.")
        command.write(stream, *agent.decide(state, agent.End(ended)))

    def _saved(
        self, command: Command, file: CaseFile | None, mail_id: MailId | None = None
    ) -> SavedCase:
        if file is None:
            return SavedCase(None, None, None, None, None, command.done())
        row, index = file.row, command.index
        contact_id = index.linked(row.interaction_id) if row.interaction_id else row.contact_id
        contact = index.contacts.get(contact_id) if contact_id is not None else None
        return SavedCase(
            file.case_id,
            number_text(file.row.number),
            file.state.state.name,
            contact.canonical if contact is not None else None,
            mail_id,
            command.done(),
        )
