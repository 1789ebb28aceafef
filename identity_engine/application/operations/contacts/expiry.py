"""The sweep: the only thing that lets contacts expire.

It works in batches, each decided and stored under the write lock, so that an interaction that has come
since wins. What a batch has done stays done: a sweep that was stopped is gone on with by the next.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates import lifecycle
from aggregates.access import Action
from aggregates.lifecycle import Expire
from aggregates.values import ContactId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.operations.contacts.expiry_blockers import Quiet, held_off_by
from identity_engine.application.operations.contacts.presence import leave, standing_of
from identity_engine.application.permissions import needs
from identity_engine.event_store.match_index.life_tables import due_contacts
from projections.match_index.identities import microseconds, moment_of

BATCH = 200
"""Contacts looked at under one hold of the write lock."""

Progress = Callable[[int], None]
SweepPosition = tuple[int, ContactId | None]
"""How far a sweep has come: time and id of the last contact that it looked at."""

START: SweepPosition = (-(1 << 62), None)


class Swept(Struct):
    """What a sweep did: identities that expired, the contacts in them, and what held others off."""

    expired: int = 0
    contacts: int = 0
    held_off: Counter[str] = field(default_factory=Counter)


class Expiry(Operations):
    """Lets contacts go of which nothing meaningful came for as long as the settings say."""

    @needs(Action.OPERATIONS_REDRIVE)
    def sweep(
        self,
        now: datetime | None = None,
        *,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Swept:
        """Let every set expire that is due, in the divisions where the actor may do so.

        Args:
            now: the moment that counts, not in the future; None for the present.
            dry_run: say what would expire, and write nothing.
            progress: is told how many contacts were looked at.

        Raises:
            UsageError: `now` lies in the future.
        """
        swept, place = Swept(), START
        self.context.follower.follow()
        while True:
            with self.command(dry_run=dry_run, effective_at=now) as command:
                looked_at, place = self._batch(command, place, swept)
            if not looked_at:
                return swept
            if progress is not None:
                progress(looked_at)

    def _batch(
        self, command: Command, place: SweepPosition, swept: Swept
    ) -> tuple[int, SweepPosition]:
        days = command.rules.settings.retention.expiry_days
        until = microseconds(command.moment - timedelta(days=days))
        due = due_contacts(command.cursor, until, place, BATCH)
        if not due:
            return 0, place
        command.fact_writer = FactWriter(self.context.world, command.rules.actor, command.index)
        reader, index = command.reader, command.index
        reader.load_nearby((), [contact_id for _, contact_id in due])
        reader.load_edges(list(index.contacts))
        for time, contact_id in due:
            last = moment_of(time)
            self._look_at(command, index.canonical(contact_id), last, swept)
        return len(due), due[-1]

    def _look_at(
        self, command: Command, canonical: ContactId, last: datetime, swept: Swept
    ) -> None:
        """Let a set expire, unless something holds it off."""
        members = frozenset(command.index.members(canonical))
        if not command.may(self.action, command.index.identity(canonical).division):
            return
        reason = held_off_by(Quiet(members, command))
        if reason is not None:
            swept.held_off[reason] += 1
            return
        days = command.rules.settings.retention.expiry_days
        standing = replace(standing_of(command, members), last=last)
        fact = lifecycle.decide(standing, Expire(now=command.moment, days=days))
        if fact is not None:
            leave(command, members, fact)
            swept.expired += 1
            swept.contacts += len(members)
