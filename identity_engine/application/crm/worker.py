"""Sends what is due, one call at a time, and notes each answer before the next call.

A crash between the answer of the CRM and our note of it does no harm: the same activity, or the same
new record, is sent again under the same key, which changes what is there and makes nothing new. What
fails is put off for longer each time and never given up, until it is done or taken back.
"""

from collections.abc import Callable

from msgspec import Struct

from aggregates.crm import (
    CrmCorrectionApproved,
    CrmCorrectionDropped,
    CrmRecordUnlinked,
    CrmWriteBackDue,
    RecordPersonal,
)
from aggregates.crm_rules import (
    CrmCommand,
    NoteCorrected,
    NoteCreated,
    NoteFailed,
    NoteNotCreated,
    NoteWritten,
)
from aggregates.crm_state import CrmLink
from aggregates.settings import Crm as CrmSettings
from aggregates.values import ContactId, CreationId, InteractionId, LinkId
from identity_engine.application.acting import Operations
from identity_engine.application.crm.content import activity_fields
from identity_engine.application.crm.dossier import Dossier, conversation_of, state_of
from identity_engine.application.crm.due import Due
from identity_engine.errors import RemoteError
from identity_engine.event_store import crm_queue
from identity_engine.observing.logbook import Logbook
from identity_engine.ports.crm import Activity, Crm, CrmReference, Written
from projections.crm import query
from projections.crm.query import Task

book = Logbook(__name__)

OF_THE_WHOLE_SYSTEM = frozenset(
    {
        "unreachable",
        "timed_out",
        "unavailable",
        "throttled",
        "unauthorised",
        "private_address",
        "redirected",
    }
)
"""Failures that the next call would meet as well, so the run ends."""

NOTHING_MADE = frozenset({"refused", "forbidden", "not_found"})
"""Answers after which it is sure that no record was made."""


class Worked(Struct, frozen=True):
    """What a run did: how much fell due, was written, corrected and created, and how much failed.

    `waiting` is what is still to be sent, `stopped` why the run ended early. In a dry run `due` is what
    would be sent now, and counts as `waiting` too.
    """

    due: int
    written: int
    corrected: int
    created: int
    failed: int
    waiting: int
    stopped: str | None = None


class Worker:
    """One run.

    Args:
        operations: whose commands write.
        settings: of the CRM.
        crm: the CRM.
    """

    def __init__(self, operations: Operations, settings: CrmSettings, crm: Crm) -> None:
        self._operations, self._settings, self._crm = operations, settings, crm
        self._context = operations.context
        self._send: dict[str, Callable[[Task], bool]] = {
            "write": self._write,
            "correct": self._correct,
            "create": self._create,
        }

    def run(self) -> Worked:
        """Note what fell due, and send everything that need not wait."""
        due = Due(self._operations, self._settings).follow()
        done = dict.fromkeys(self._send, 0)
        failed, stopped = 0, None
        for task in self._ready():
            try:
                done[task.kind] += self._send[task.kind](task)
            except RemoteError as failure:
                failed += 1
                self._put_off(task, failure)
                if failure.reason in OF_THE_WHOLE_SYSTEM:
                    stopped = failure.reason
                    break
        self._context.follower.follow()
        waiting = len(query.tasks(self._context.follower.views.connection))
        tell = book.warning if failed else book.info
        tell(
            "crm_worked",
            written=done["write"],
            corrected=done["correct"],
            created=done["create"],
            failed=failed,
            waiting=waiting,
        )
        return Worked(due, done["write"], done["correct"], done["create"], failed, waiting, stopped)

    def foresee(self) -> Worked:
        """Say how much is due; nothing is noted, and the CRM is asked nothing."""
        fell_due = Due(self._operations, self._settings).foresee()
        tasks = {
            (one.kind, one.named) for one in query.tasks(self._context.follower.views.connection)
        }
        for fact in fell_due:
            match fact:
                case CrmWriteBackDue(link_id=link_id):
                    tasks.add(("write", link_id))
                case CrmRecordUnlinked(link_id=link_id):
                    tasks.discard(("write", link_id))
                case CrmCorrectionApproved(link_id=link_id):
                    tasks.add(("correct", link_id))
                case CrmCorrectionDropped(link_id=link_id):
                    tasks.discard(("correct", link_id))
        with self._context.store.reading() as cursor:
            put_off = crm_queue.waiting(cursor, self._context.world.now())
        due = sum(named not in put_off for _, named in tasks)
        return Worked(due, 0, 0, 0, 0, len(tasks))

    def create(self, interaction_id: InteractionId, creation_id: CreationId) -> None:
        """Send one new record that was just asked for; a failure is noted, not raised."""
        task = Task("create", creation_id, interaction_id)
        try:
            self._create(task)
        except RemoteError as failure:
            self._put_off(task, failure)

    def _ready(self) -> list[Task]:
        with self._context.store.reading() as cursor:
            waiting = crm_queue.waiting(cursor, self._context.world.now())
        tasks = query.tasks(self._context.follower.views.connection)
        return [task for task in tasks if task.named not in waiting]

    def _write(self, task: Task) -> bool:
        link = self._link_of(task)
        if link is None or not link.is_pending:
            return False
        written, sent_as = self._send_activity(task, link)
        self._note(
            task,
            lambda dossier: NoteWritten(
                link.link_id,
                link.due,
                written.id,
                written.version,
                sent_as,
                dossier.canonical_id,
                at_once=self._settings.corrections_at_once,
            ),
        )
        return True

    def _correct(self, task: Task) -> bool:
        link = self._link_of(task)
        if link is None or not link.is_correcting:
            return False
        if link.correction == "withdraw":
            self._crm.withdraw(link.link_id)
            self._note(task, lambda _: NoteCorrected(link.link_id, "withdraw"))
            return True
        written, sent_as = self._send_activity(task, link)
        self._note(
            task,
            lambda dossier: NoteCorrected(
                link.link_id,
                "rewrite",
                written.id,
                written.version,
                sent_as,
                dossier.canonical_id,
                at_once=self._settings.corrections_at_once,
            ),
        )
        return True

    def _create(self, task: Task) -> bool:
        state = state_of(self._context.store.read_stream(task.interaction_id))
        creation = state.creations.get(CreationId(task.named))
        if creation is None or creation.settled or creation.fields is None:
            return False
        made = self._crm.create(creation.record_type, creation.creation_id, creation.fields)
        record = RecordPersonal(record_id=made.id, label=made.label, address=made.address)
        self._note(
            task,
            lambda dossier: NoteCreated(
                creation.creation_id,
                record,
                LinkId(self._context.world.new_id()),
                afterwards=dossier.conversation.is_complete,
            ),
        )
        return True

    def _link_of(self, task: Task) -> CrmLink | None:
        state = state_of(self._context.store.read_stream(task.interaction_id))
        return state.links.get(LinkId(task.named))

    def _send_activity(self, task: Task, link: CrmLink) -> tuple[Written, ContactId | None]:
        """Write the activity with what is known now; return the answer and whom it was written for."""
        stream = self._context.store.read_stream(task.interaction_id)
        contact_id = state_of(stream).contact_id
        profile = self._context.queries.profile(contact_id) if contact_id is not None else None
        conversation = conversation_of(stream, self._settings)
        fields = activity_fields(self._settings, stream, conversation, profile)
        assert link.record_id is not None
        record = CrmReference(link.record_type, link.record_id)
        written = self._crm.write(Activity(link.link_id, record, fields))
        return written, profile.contact_id if profile is not None else None

    def _note(self, task: Task, command_for: Callable[[Dossier], CrmCommand]) -> None:
        with self._operations.command() as command:
            dossier = Dossier(command, InteractionId(task.interaction_id), self._settings)
            dossier.carry_out(command_for(dossier))
            crm_queue.settle(command.cursor, task.named)

    def _put_off(self, task: Task, failure: RemoteError) -> None:
        world = self._context.world
        with self._operations.command() as command:
            dossier = Dossier(command, InteractionId(task.interaction_id), self._settings)
            noted: CrmCommand
            if task.kind == "create":
                final = failure.reason in NOTHING_MADE
                noted = NoteNotCreated(CreationId(task.named), failure.reason, final)
            else:
                noted = NoteFailed(LinkId(task.named), failure.reason)
            dossier.carry_out(noted)
            crm_queue.put_off(
                command.cursor, task.named, command.now, world.entropy, failure.retry_after
            )
