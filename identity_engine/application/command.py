"""One command of a person or system: decided and written under the write lock, all or nothing."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from aggregates.access import Action
from aggregates.errors import Refused
from aggregates.lifecycle import Presence, restorable_since
from aggregates.values import ContactId, Fact, InteractionId
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.fact_writer import FactWriter, Seal, Upstream
from identity_engine.application.hand_made import HandMadeRecords
from identity_engine.application.ids import checked_case
from identity_engine.errors import NotFound, UsageError
from identity_engine.event_store.keys import DataKey
from identity_engine.event_store.match_index.case_tables import case_by_number, cases_by_id
from identity_engine.event_store.store import Writer, stream_versions
from projections.base import Recorded
from projections.match_index.cases import CaseRow
from projections.match_index.digests import DigestKeys
from projections.match_index.mentions import Mention, mention_key
from projections.match_index.rows import ContactRow, InteractionRow
from projections.sql import Connection

CLOCK_SKEW = timedelta(minutes=5)

MOST_MENTIONS = 10_000
"""Interactions that are evaluated again when a person changes who holds a value that they mention."""


class Done(Struct, frozen=True):
    """What a command did: the topics it wrote, in order, and the log position after it.

    `position` is None where nothing was written, because nothing would change or because it was a dry
    run. `contact_id` is the id that now stands for the contact the command was about, and `revision`
    its revision.
    """

    contact_id: ContactId | None
    revision: int
    written: tuple[str, ...]
    position: int | None
    command_id: str


class Command:
    """A command under way. What it reads cannot move; what it writes it sees at once.

    Args:
        context: the actor's.
        action: the right it acts by.
        writer: the store under its write lock.
        effective_at: when what it does became true; None for now.
        upstream: what it hangs on.
    """

    def __init__(
        self,
        context: ActorContext,
        action: Action,
        writer: Writer,
        effective_at: datetime | None,
        upstream: Upstream = Upstream(),  # noqa: B008 - it cannot change
    ) -> None:
        self._context = context
        self._action = action
        self._writer = writer
        self.cursor = writer.cursor
        self.now = context.world.now()
        self.moment = self._not_in_future(effective_at)
        self.reader = context.store.index.begin(self.cursor)
        self.index = self.reader.index
        context.policies.follow(self.reader)
        self.rules = context.rules
        self.fact_writer = FactWriter(context.world, context.actor, self.index, upstream)
        self._hand_made = HandMadeRecords(self.reader, self.rules.policy.block_cap)
        self._fresh: dict[str, DataKey] = {}
        self.position: int | None = None

    def new_id(self) -> str:
        """Return a fresh id."""
        return self._context.world.new_id()

    def contact(
        self, contact_id: ContactId, *, gone: bool = False, also: Presence = "live"
    ) -> ContactRow:
        """Return a contact that the command acts on, with its whole identity loaded.

        Args:
            contact_id: any id that was ever issued.
            gone: take one that is expired or deleted too.
            also: take one of this presence too.

        Raises:
            NotFound: there is none, or none in a division that the actor sees.
            Denied: the actor may not do this in its division.
            Refused: `expired`, `deleted` or `erased`, unless those are taken too.
        """
        (row,) = self.contacts([contact_id])
        presence = row.state.presence
        if presence == "erased" or not (gone or presence in ("live", also)):
            over = restorable_since(self.now, self.rules.settings.retention.restore_days)
            raise Refused(presence, _gone(row, over))
        return row

    def contacts(self, contact_ids: Sequence[ContactId]) -> list[ContactRow]:
        """Return several contacts as `contact` does, by one look-up."""
        self.load(contact_ids)
        rows = []
        for contact_id in contact_ids:
            row = self.index.contacts.get(contact_id)
            if row is None:
                raise NotFound("No contact has this id.")
            self._check(row.state.division, contact_id, "No contact has this id.")
            rows.append(row)
        return rows

    def load(self, contact_ids: Collection[ContactId]) -> None:
        """Load contacts with their whole identities; whether the actor sees them is not checked."""
        self.reader.load_nearby((), contact_ids)
        self.reader.load_edges(list(self.index.contacts))

    def interaction(self, interaction_id: InteractionId) -> InteractionRow:
        """Return an interaction that the command acts on, with its contact loaded, if it has one.

        Raises:
            NotFound: there is none, or none in a division that the actor sees.
            Denied: the actor may not do this in its division.
        """
        absent = "No interaction has this id."
        self.reader.load_linked([interaction_id])
        row = self.index.interaction_by_id(interaction_id)
        if row is None or row.is_by_hand:
            raise NotFound(absent)
        if row.contact_id is not None:
            self.reader.load_nearby((), [row.contact_id])
        self._check(row.division, interaction_id, absent)
        return row

    def case(self, case: str) -> CaseRow:
        """Return a case that the command acts on, by its id or number, with its contact loaded.

        Raises:
            UsageError: the text is neither.
            NotFound: there is none, or none in a division that the actor sees.
            Denied: the actor may not do this in its division.
        """
        absent = "No case has this number or id."
        named = checked_case(case)
        found = (
            case_by_number(self.cursor, named)
            if isinstance(named, int)
            else next(iter(cases_by_id(self.cursor, [named])), None)
        )
        if found is None:
            raise NotFound(absent)
        self.index.cases.add([found])
        self._check(self.division_of_case(found), found.case_id, absent)
        return found

    def division_of_case(self, case: CaseRow) -> str:
        """Return where a case lies: with its contact, else with its opening interaction."""
        contact = self.contact_of(case)
        if contact is not None:
            return contact.state.division
        opening = case.interaction_id and self.index.interaction_by_id(case.interaction_id)
        return opening.division if opening else case.division

    def contact_of(self, case: CaseRow) -> ContactRow | None:
        """Return the contact whose case it is now: where its opening interaction's link goes, else the
        one it was opened for."""
        whose = case.contact_id
        if case.interaction_id is not None:
            self.reader.load_linked([case.interaction_id])
            whose = self.index.linked(case.interaction_id)
        if whose is None:
            return None
        self.reader.load_nearby((), [whose])
        return self.index.contacts.get(whose)

    def stream(self, stream_id: str) -> list[Recorded]:
        """Return all events of a stream, as of the lock."""
        return self._context.store.read_stream(stream_id, cursor=self.cursor)

    def views(self) -> Connection:
        """Return the views as of the lock: what was written before this command, and nothing else."""
        self._context.follower.follow(within=self._writer)
        return self._context.follower.views.connection

    def facts(self, stream_id: str) -> list[Fact]:
        """Return the facts of a stream, those that the command has written so far included."""
        return [*(event.fact for event in self.stream(stream_id)), *self.written(stream_id)]

    def written(self, stream_id: str) -> list[Fact]:
        """Return the facts of a stream that the command has written so far."""
        return [event.fact for event in self.fact_writer.events if event.stream_id == stream_id]

    def evaluate_mentions(self, digest: bytes) -> None:
        """Let the interactions that mention a value be evaluated again."""
        key = mention_key(Mention(digest, b"", None))
        self.reader.load_postings([key], MOST_MENTIONS)
        self.index.evaluate_again(self.index.numbers_under(key))

    @property
    def digests(self) -> DigestKeys:
        """The keyed digests of the store."""
        return self.reader.digests

    def permit(self, division: str) -> None:
        """Check that the actor may do what the command does in a division.

        Raises:
            Denied: no grant allows it.
        """
        self._context.allows(self._action, division)

    def may(self, action: Action, division: str) -> bool:
        """Tell whether the actor may also do another thing in a division."""
        return self._context.rights.allow(action, division)

    def require(self, action: Action, division: str, target: str | None = None) -> None:
        """Check that the actor may also do another thing in a division.

        Raises:
            Denied: no grant allows it.
        """
        self._context.allows(action, division, target)

    def may_view(self, contact_id: ContactId) -> bool:
        """Tell whether the actor may see a loaded contact."""
        return self.may(Action.CONTACT_VIEW, self.index.contacts[contact_id].state.division)

    def write(
        self,
        stream_id: str,
        *facts: Fact,
        about: str | None = None,
        valid_from: datetime | None = None,
    ) -> None:
        """Add facts to a stream.

        Args:
            stream_id: whose.
            facts: in order.
            about: the contact or interaction whose key seals what they say about a person; by
                default the stream's own.
            valid_from: when they became true; by default the command's moment.
        """
        self._know_version(stream_id)
        for fact in facts:
            subject = (about or stream_id) if fact.about_a_person() is not None else None
            seal = Seal(subject, self._key(subject)) if subject is not None else None
            self.fact_writer.write(stream_id, valid_from or self.moment, [fact], seal)
            self._hand_made.follow(stream_id, fact, self.facts)

    def finish(self) -> None:
        """Store what was written."""
        if self.fact_writer.events:
            positions = self._writer.append(self.fact_writer.events, self.index.changes())
            self.position = positions[-1]

    def take_back_keys(self) -> None:
        """Take back the keys it made, if nothing was stored under them."""
        if self.position is None:
            self._context.store.keys.take_back(self._fresh.values())

    def done(self, contact_id: ContactId | None = None) -> Done:
        """Return what the command did."""
        row = self.index.contacts.get(contact_id) if contact_id is not None else None
        return Done(
            row.canonical if row is not None else contact_id,
            row.revision if row is not None else 0,
            tuple(event.fact.TOPIC for event in self.fact_writer.events),
            self.position,
            self.fact_writer.command_id,
        )

    def _check(self, division: str, target: str, absent: str) -> None:
        if not self._context.sees(self._action, division):
            raise NotFound(absent)
        self._context.allows(self._action, division, target)

    def _know_version(self, stream_id: str) -> None:
        if stream_id not in self.index.versions:
            self.index.versions |= {stream_id: 0} | stream_versions(self.cursor, [stream_id])

    def _key(self, subject: str) -> DataKey:
        """Return the data key of a subject, made at its first use.

        Raises:
            Refused: it was destroyed, because the subject was erased.
        """
        known = self._known_key(subject)
        if not known:
            if subject not in self._fresh:
                self._fresh[subject] = self._context.store.keys.new_key()
            return self._fresh[subject]
        cipher = self._context.store.keys.ciphers([known])[known]
        if cipher is None:
            raise Refused("erased", "This was erased; nothing can be written about it any more.")
        return DataKey(known, cipher)

    def _known_key(self, subject: str) -> int:
        contact = self.index.contacts.get(ContactId(subject)) or self.index.cases.get(subject)
        if contact is not None:
            return contact.key_id
        interaction = self.index.interaction_by_id(InteractionId(subject))
        return interaction.key_id if interaction is not None else 0

    def _not_in_future(self, effective_at: datetime | None) -> datetime:
        if effective_at is not None and effective_at.tzinfo is None:
            raise UsageError("A time needs its offset, such as 2026-01-31T12:00:00Z.")
        if effective_at is not None and effective_at > self.now + CLOCK_SKEW:
            raise UsageError("A command cannot take effect in the future.")
        return effective_at.astimezone(UTC) if effective_at is not None else self.now


def _gone(row: ContactRow, over: datetime) -> str:
    """Return what is said of a contact that is not there: the cause, and the fix if there is one.

    Args:
        row: the contact.
        over: who was gone then, or before, cannot be restored any more.
    """
    presence, since = row.state.presence, row.state.gone_since
    if presence == "erased":
        return "This contact is erased, and that is final."
    if since is not None and since <= over:
        return f"This contact is {presence}, for too long to be brought back."
    return f"This contact is {presence}. Bring it back first: contact restore {row.canonical}"
