"""Looking up who arrives at a source outside, on the channels whose policy names one (GX-7, BP-3).

Never in the way of ingestion: a worker follows the log, notes each arrival in the transaction that moves
its position, and asks afterwards, outside every lock. What fails is put off for longer each time and
never given up. One record that matches is taken over, several are left to a person, and "No data." is
remembered: the same question is not asked again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from aggregates import augmenting
from aggregates.access import Action
from aggregates.augmentation import (
    ContactAugmentationReverted,
    ContactAugmented,
    ContactLookedUp,
    Outcome,
)
from aggregates.editing import HandMade
from aggregates.errors import Refused
from aggregates.interaction import InteractionReceived
from aggregates.policy import Policy
from aggregates.settings import AugmentationSource
from aggregates.values import ContactId, Fact
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.operations.augmentation.asking import (
    Asking,
    FoundValue,
    SourceRecord,
    augment_of,
)
from identity_engine.application.operations.contacts.editing import by_hand
from identity_engine.application.past_rules import PastRules, past_policies
from identity_engine.application.permissions import needs
from identity_engine.errors import ConfigurationError, NotFound, RemoteError
from identity_engine.event_store import lookup_queue, source_positions
from identity_engine.event_store.lookup_queue import Arrival
from identity_engine.event_store.source_positions import SourcePosition
from projections.base import Recorded
from projections.match_index.rows import ContactRow
from projections.profile.query import Profile

BATCH = 2_000
AT_ONCE = 10_000
"""Arrivals that one run looks up."""


class LookedUp(Struct, frozen=True):
    """What a run did: how many contacts were looked up, by outcome, how many look-ups failed, and how
    many arrivals still wait; in a dry run, how many of those are due."""

    taken: int
    nothing_new: int
    several: int
    no_match: int
    failed: int
    waiting: int
    due: int = 0


class Arrivals(Operations):
    """The worker's verbs."""

    @needs(Action.AUGMENTATION_RUN, everywhere=True)
    def work(self, *, dry_run: bool = False) -> LookedUp:
        """Note who arrived, and look up everybody who need not wait. Run it as often as the sources are
        to be asked; several at once do no harm.

        In a dry run nothing is noted, and no source is asked.

        Raises:
            Denied: the actor may do this in some divisions only.
        """
        if dry_run:
            return self._foresee()
        self._note()
        outcomes: Counter[str] = Counter()
        failing: set[str] = set()
        for arrival in self._ready():
            if arrival.source not in failing:
                outcome = self._try(arrival)
                outcomes[outcome or "settled"] += 1
                if outcome == "failed":
                    failing.add(arrival.source)
        with self.context.store.reading() as cursor:
            waiting = lookup_queue.count(cursor)
        return LookedUp(
            taken=outcomes["taken"],
            nothing_new=outcomes["nothing_new"],
            several=outcomes["several"],
            no_match=outcomes["no_match"],
            failed=outcomes["failed"],
            waiting=waiting,
        )

    @needs(Action.AUGMENTATION_RUN, everywhere=True)
    def waiting(self, limit: int = 50) -> list[Arrival]:
        """Return the arrivals that wait, those that may be tried first in front.

        Raises:
            Denied: the actor may do this in some divisions only.
        """
        with self.context.store.reading() as cursor:
            return lookup_queue.arrivals(cursor, limit)

    def _foresee(self) -> LookedUp:
        """Say how many arrivals are due, those included that no run has noted yet."""
        past = past_policies(self.context.store)
        first_asking = past.first(_asks)
        with self.context.store.reading() as cursor:
            count = lookup_queue.count(cursor)
            waiting = {one.interaction_id for one in lookup_queue.arrivals(cursor, count)}
            after = max(source_positions.position(cursor, lookup_queue.SOURCE), first_asking or 0)
        new: set[str] = set()
        while first_asking is not None and (events := self._received(after)):
            new |= {interaction_id for interaction_id, _ in _sources_of(events, past)}
            after = events[-1].position
        new -= waiting
        due = len(self._ready()) + len(new)
        return LookedUp(0, 0, 0, 0, 0, waiting=len(waiting) + len(new), due=due)

    def _note(self) -> None:
        """Note the arrivals since the last run, each under the policy that was in force then."""
        past = past_policies(self.context.store)
        first_asking = past.first(_asks)
        while first_asking is not None:
            with self.context.store.reading() as cursor:
                after = max(source_positions.position(cursor, lookup_queue.SOURCE), first_asking)
            events = self._received(after)
            if not events:
                return
            with self.command() as command:
                if (
                    source_positions.position(command.cursor, lookup_queue.SOURCE)
                    >= events[0].position
                ):
                    return  # another worker was first
                for interaction_id, source in _sources_of(events, past):
                    lookup_queue.add(command.cursor, interaction_id, source)
                source_positions.move(
                    command.cursor, SourcePosition(lookup_queue.SOURCE, events[-1].position)
                )

    def _received(self, after: int) -> Sequence[Recorded]:
        return self.context.store.read(after, BATCH, topics=[InteractionReceived.TOPIC])

    def _ready(self) -> list[Arrival]:
        now = self.context.world.now()
        with self.context.store.reading() as cursor:
            waiting = lookup_queue.arrivals(cursor, AT_ONCE)
        return [one for one in waiting if lookup_queue.is_due(one, now)]

    def _try(self, arrival: Arrival) -> Outcome | Literal["failed"] | None:
        try:
            return self._look_up(arrival)
        except RemoteError as failure:
            self._put_off(arrival, failure.reason, failure.retry_after)
        except ConfigurationError:
            self._put_off(arrival, "misconfigured")
        return "failed"

    def _look_up(self, arrival: Arrival) -> Outcome | None:
        """Ask the source about the contact of an arrival, and write what came of it; None where there
        is nothing to ask."""
        asking = Asking(self.context)
        contact_id = self._contact_of(arrival)
        if contact_id is None:
            self._settle(arrival)
            return None
        profile = self.context.queries.profile(contact_id)
        settings = self._source(arrival.source)
        asked = asking.asked(settings, profile)
        digest = self.context.store.digests.question("\0".join(sorted(map("\0".join, asked))))
        if not asked or digest in self._asked_before(profile, arrival.source):
            self._settle(arrival)
            return None
        records = [asking.shown(one, profile) for one in asking.matching(settings, profile)]
        with self.command() as command:
            command.fact_writer = FactWriter(self.context.world, command.rules.actor, command.index)
            row = command.interaction(arrival.interaction_id)
            if row.contact_id != contact_id:
                return None  # it was given to somebody else meanwhile, who is asked about next time
            outcome = self._take(command, contact_id, arrival.source, records)
            command.write(
                contact_id,
                ContactLookedUp(
                    source=arrival.source,
                    interaction_id=arrival.interaction_id,
                    outcome=outcome,
                    records=len(records),
                    asked=digest,
                ),
            )
            lookup_queue.settle(command.cursor, arrival)
        return outcome

    def _contact_of(self, arrival: Arrival) -> ContactId | None:
        """Return the live contact that the arrival belongs to now."""
        with self.command(dry_run=True) as command:
            try:
                contact_id = command.interaction(arrival.interaction_id).contact_id
                return None if contact_id is None else command.contact(contact_id).contact_id
            except (NotFound, Refused):
                return None

    def _source(self, name: str) -> AugmentationSource:
        for source in self.context.rules.settings.augmentation.sources:
            if source.name == name:
                return source
        raise ConfigurationError(
            f"The policy looks arrivals up at {name}, and the settings have no such source. Name it "
            "in the section augmentation of the settings."
        )

    def _asked_before(self, profile: Profile, source: str) -> set[str]:
        facts = (
            e.fact for member in profile.members for e in self.context.store.read_stream(member)
        )
        return {
            one.asked for one in facts if isinstance(one, ContactLookedUp) and one.source == source
        }

    def _take(
        self, command: Command, contact_id: ContactId, source: str, records: Sequence[SourceRecord]
    ) -> Outcome:
        """Take over the only record that matches."""
        if not records:
            return "no_match"
        if len(records) > 1:
            return "several"
        (record,) = records
        row = command.contact(contact_id)
        state = by_hand(command, row)
        if _was_taken_back(command, row, source, record.reference):
            return "nothing_new"
        wanted = [one for one in record.values if _is_wanted(one, state)]
        order = augment_of(command, row, (source, record.reference), wanted, leave_out=True)
        facts = augmenting.decide(state, order)
        command.write(contact_id, *facts)
        return "taken" if facts else "nothing_new"

    def _settle(self, arrival: Arrival) -> None:
        with self.command() as command:
            lookup_queue.settle(command.cursor, arrival)

    def _put_off(self, arrival: Arrival, reason: str, at_least: float | None = None) -> None:
        with self.command() as command:
            lookup_queue.put_off(
                command.cursor, arrival, reason, command.now, self.context.world.entropy, at_least
            )


def _sources_of(events: Iterable[Recorded], past: PastRules[Policy]) -> Iterator[tuple[str, str]]:
    """Yield the interactions that are to be looked up, each with its source."""
    for event in events:
        policy = past.at(event.position)
        assert isinstance(event.fact, InteractionReceived)
        assert policy is not None, "a store has one from its first event on"
        source = policy.channel(event.fact.channel).augment
        if source is not None:
            yield event.stream_id, source


def _asks(policy: Policy) -> bool:
    channels = (policy.default_channel, *policy.channels.values())
    return any(one.augment is not None for one in channels)


def _is_wanted(value: FoundValue, state: HandMade) -> bool:
    """Tell whether a value may be taken over without a person: it is new, no person gave the field
    another value, and no person took this one away."""
    if value.effect == "same" or value.value in state.removed.get(value.name, ()):
        return False
    return value.effect == "add" or not state.values.get(value.name)


def _was_taken_back(command: Command, row: ContactRow, source: str, reference: str) -> bool:
    """Tell whether a person took back what was taken from the same record before."""
    members = command.index.members(row.canonical)
    facts: Iterable[Fact] = [fact for member in sorted(members) for fact in command.facts(member)]
    reverted = {
        one.augmentation_id for one in facts if isinstance(one, ContactAugmentationReverted)
    }
    return any(
        isinstance(one, ContactAugmented)
        and one.augmentation_id in reverted
        and (one.source, getattr(one.personal, "reference", None)) == (source, reference)
        for one in facts
    )
