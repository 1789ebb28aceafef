"""Inbound mail opens a case, or joins the case of its thread (CA-1).

It follows the log from a position of its own, which moves in the transaction that writes the case: a
mail is never lost and never taken twice, and an ingest waits for none of it. Whether a mail opens a
case is asked of the settings that were in force when it was received.
"""

import hmac
from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from aggregates.access import Action
from aggregates.case import Hear, LinkInteraction
from aggregates.case_facts import JoinedBy
from aggregates.case_settings import Cases
from aggregates.change import ChangePersonal, InteractionChanged
from aggregates.interaction import InteractionPersonal, InteractionReceived
from aggregates.values import InteractionId
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.cases.file import CaseFile, open_case
from identity_engine.application.cases.threads import InboundMail, read_mail
from identity_engine.application.command import Command
from identity_engine.application.fact_writer import Upstream
from identity_engine.application.past_rules import past_settings
from identity_engine.application.rules import Rules
from identity_engine.event_store import source_positions
from identity_engine.event_store.match_index.case_tables import (
    belongs_to_a_case,
    case_by_number,
    cases_of_messages,
    cases_with,
    interactions_from,
    latest_follow_up,
)
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.event_store.store import Writer
from projections.base import Recorded
from projections.match_index.cases import CaseRow
from projections.match_index.identities import microseconds
from projections.match_index.mentions import Mention, mention_key
from projections.sql import Cursor

SOURCE = "cases from mail"
TAKEN = (InteractionReceived.TOPIC, InteractionChanged.TOPIC)
BATCH = 200
HOUR = timedelta(hours=1)


class Intake:
    """Follows the log and takes in mail.

    Args:
        context: whose store it is; what is written is the act of the rules in force.
    """

    def __init__(self, context: ActorContext) -> None:
        self._context = context
        self._rules: Rules | None = None
        self._start: int | None = None

    def follow(self) -> int:
        """Take in every mail that was received and not taken yet; return how many there were."""
        self._read_settings()
        if self._start is None:
            return 0
        taken = 0
        while (some := self._take_some()) is not None:
            taken += some
        return taken

    def _read_settings(self) -> None:
        """Read which settings were in force when, if that has changed."""
        if self._rules is not self._context.rules:
            self._rules = self._context.rules
            self._past = past_settings(self._context.store)
            self._start = self._past.first(lambda settings: bool(settings.cases.channels))

    def _settings_at(self, position: int) -> Cases:
        settings = self._past.at(position)
        return settings.cases if settings is not None else Cases()

    def _take_some(self) -> int | None:
        """Take in a batch under the write lock; None where everything was taken before."""
        store = self._context.store
        with store.reading() as cursor:
            after = self._reached(cursor)
        if after >= store.head():
            return None
        with store.writing() as writer:
            # Another process may have been first: read again what was read without the lock.
            after = self._reached(writer.cursor)
            writer.cursor.execute("SELECT COALESCE(MAX(rowid), 0) FROM stored_events")
            (head,) = writer.cursor.fetchone()
            events = store.read(after, BATCH, within=writer, topics=TAKEN)
            taken = sum(self._take(writer, event) for event in events)
            reached = events[-1].position if len(events) == BATCH else head
            writer.append([], sources=[SourcePosition(SOURCE, reached)])
        return taken

    def _reached(self, cursor: Cursor) -> int:
        """Return how far the log was read; there was nothing to take before a channel opened cases."""
        return max(source_positions.position(cursor, SOURCE), self._start or 0)

    def _take(self, writer: Writer, event: Recorded) -> bool:
        if isinstance(event.fact, InteractionChanged):
            return self._hear(writer, event, event.fact)
        received, settings = event.fact, self._settings_at(event.position)
        assert isinstance(received, InteractionReceived)
        if (
            received.channel not in settings.channels
            or received.direction != "inbound"
            or not isinstance(received.personal, InteractionPersonal)
            or belongs_to_a_case(writer.cursor, event.stream_id)
        ):
            return False
        command = self._command(writer, event)
        mail = read_mail(received.personal, self._own_addresses())
        _Arrival(command, event, received, mail, settings, self._context).settle()
        command.finish()
        return bool(command.fact_writer.events)

    def _hear(self, writer: Writer, event: Recorded, changed: InteractionChanged) -> bool:
        """Take in a mail that came as a message of an interaction which has a case already."""
        personal, own = changed.personal, InteractionId(event.stream_id)
        rows = cases_with(writer.cursor, [own])
        if (
            not rows
            or changed.change.kind != "message"
            or changed.change.direction != "inbound"
            or not isinstance(personal, ChangePersonal)
        ):
            return False
        first = self._context.store.read_stream(own, cursor=writer.cursor)[0].fact
        assert isinstance(first, InteractionReceived)
        if first.channel not in self._settings_at(event.position).channels or not isinstance(
            first.personal, InteractionPersonal
        ):
            return False
        said = replace(
            first.personal,
            mail=personal.mail,
            identifiers=personal.identifiers or first.personal.identifiers,
        )
        mail = read_mail(said, self._own_addresses())
        command = self._command(writer, event)
        arrival = _Arrival(
            command, event, first, mail, self._settings_at(event.position), self._context
        )
        arrival.hear(rows)
        command.finish()
        return bool(command.fact_writer.events)

    def _command(self, writer: Writer, event: Recorded) -> Command:
        context = self._context.of(self._context.rules.actor)
        because = Upstream(causation_id=event.header.event_id)
        return Command(context, Action.CASE_EDIT, writer, None, because)

    def _own_addresses(self) -> set[str]:
        outgoing = self._context.rules.settings.outgoing_mail
        return {one.lower() for one in (outgoing.sender, outgoing.reply_to) if one is not None}


class _Arrival:
    """One mail on its way to its case."""

    def __init__(
        self,
        command: Command,
        event: Recorded,
        received: InteractionReceived,
        mail: InboundMail,
        settings: Cases,
        context: ActorContext,
    ) -> None:
        self._command = command
        self._event = event
        self._received = received
        self._mail = mail
        self._settings = settings
        self._digests = context.store.digests
        self._division = self._where_it_lies()

    def settle(self) -> None:
        """Join the case that the mail leads to, follow up one that is closed, or open one."""
        messages = [self._digests.message(one) for one in self._mail.messages]
        row, by = self._by_thread()
        if self._mail.automatic:
            # It never opens a case nor opens one again, but whoever reads the case should see it.
            if row is not None and row.state != "closed":
                self._join(self._loaded(row), by, messages)
            return
        if row is None and self._writes_too_often():
            row, by = self._last_of_sender(), "sender"
            if row is not None and (row.state == "closed" or not self._lies_here(row)):
                row = None
        if row is None:
            self._join(self._opened(None), "opening", messages)
        elif row.state == "closed":
            self._join(self._opened(row), by, messages)
        else:
            self._join(self._loaded(row), by, messages)

    def hear(self, rows: Sequence[CaseRow]) -> None:
        """Let the case of the interaction hear of the mail, or follow up one that is closed.

        A participant's case may have moved away with the contact who opened it. The mail lies where
        the participant is, and is taken in there as one that comes by itself.

        Args:
            rows: the cases of the interaction, the latest first.
        """
        known = next(filter(self._lies_here, rows), None)
        if known is None:
            self.settle()
            return
        row = self._last_follow_up(known)
        if self._mail.automatic:
            return
        if row.state == "closed":
            self._join(self._opened(row), "thread", ())
        else:
            self._loaded(row).do(Hear(InteractionId(self._event.stream_id)))

    def _where_it_lies(self) -> str:
        """Return the division where the mail lies by now: its contact may have moved since it came."""
        interaction_id, index = InteractionId(self._event.stream_id), self._command.index
        self._command.reader.load_linked([interaction_id])
        row = index.interaction_by_id(interaction_id)
        return row.division if row is not None else self._received.division

    def _by_thread(self) -> tuple[CaseRow | None, JoinedBy]:
        """Return the case of the thread, else that of our token; of a closed one its follow-up."""
        by: JoinedBy = "thread"
        digests, here = self._digests, self._division
        known = [
            digest
            for one in self._mail.messages
            for digest in (digests.message(one), digests.message_in(here, one))
        ]
        led = cases_of_messages(self._command.cursor, known) if known else []
        row = next(filter(self._lies_here, led), None)
        if row is None:
            row, by = self._by_token(), "token"
        return None if row is None else self._last_follow_up(row), by

    def _last_follow_up(self, row: CaseRow) -> CaseRow:
        """Return a case, of a closed one the last that followed it here."""
        while row.state == "closed":
            later = latest_follow_up(self._command.cursor, row.case_id)
            if later is None or not self._lies_here(later):
                break
            row = later
        return row

    def _by_token(self) -> CaseRow | None:
        for token in self._mail.tokens:
            if hmac.compare_digest(token.code, self._digests.case_code(token.number)):
                row = case_by_number(self._command.cursor, token.number)
                if row is not None and self._lies_here(row):
                    return row
        return None

    def _lies_here(self, row: CaseRow) -> bool:
        return self._command.division_of_case(row) == self._division

    def _writes_too_often(self) -> bool:
        return len(self._recent_of_sender()) > self._settings.sender_mails_an_hour

    def _recent_of_sender(self) -> list[InteractionId]:
        """Return the mails of this sender within the hour up to this one, itself included."""
        sender = self._mail.sender
        if sender is None or sender.family is None or sender.normalised is None:
            return []
        digest = self._digests.identifier_key(
            self._division, sender.family, sender.scope, sender.normalised
        )
        return interactions_from(
            self._command.cursor,
            mention_key(Mention(digest, b"", None)),
            InteractionId(self._event.stream_id),
            microseconds(self._event.header.valid_from - HOUR),
        )

    def _last_of_sender(self) -> CaseRow | None:
        return next(iter(cases_with(self._command.cursor, self._recent_of_sender())), None)

    def _loaded(self, row: CaseRow) -> CaseFile:
        self._command.index.cases.add([row])
        return CaseFile(self._command, row.case_id, self._event.header.valid_from)

    def _opened(self, closed: CaseRow | None) -> CaseFile:
        return open_case(
            self._command,
            "mail",
            self._division,
            subject=self._mail.subject,
            interaction_id=InteractionId(self._event.stream_id),
            follow_up_of=closed,
            moment=self._event.header.valid_from,
        )

    def _join(self, file: CaseFile, by: JoinedBy, messages: Sequence[bytes]) -> None:
        file.do(
            LinkInteraction(
                InteractionId(self._event.stream_id),
                by,
                self._mail.automatic,
                tuple(dict.fromkeys(one.hex() for one in messages)),
            )
        )
