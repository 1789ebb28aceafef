"""What all operations have in common: for whom they act, what they may read, and their commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Protocol, Self, TypeVar

from msgspec.structs import replace

from aggregates.access import Action, Divisions
from aggregates.lifecycle import restorable_since
from aggregates.values import instant_text
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.command import Command
from identity_engine.application.gc_pause import no_garbage_collection
from identity_engine.errors import NotFound
from projections.profile.query import Profile
from projections.sql import Connection


class Lying(Protocol):
    """Something that lies in a division."""

    @property
    def division(self) -> str:
        """Which one."""
        ...


L = TypeVar("L", bound=Lying)


class Operations:
    """Base of the operations: one actor's context, and the action that the call under way needs."""

    def __init__(self, context: ActorContext) -> None:
        self.context = context
        self._action: Action | None = None

    def under(self, action: Action) -> Self:
        """Return these operations, acting by one right."""
        acting = copy(self)
        acting._action = action
        return acting

    @property
    def action(self) -> Action:
        """The right that the call under way acts by."""
        assert self._action is not None, "an operation is marked with the action it needs"
        return self._action

    @property
    def divisions(self) -> Divisions:
        """The divisions that the call under way may read, None for all."""
        return self.context.rights.divisions_of[self.action]

    @property
    def views(self) -> Connection:
        """The views at the head of the log."""
        self.context.follower.follow()
        return self.context.follower.views.connection

    def seen(self, found: L | None, absent: str) -> L:
        """Return what was found, if it lies where the call may read: all else is absent.

        Raises:
            NotFound: nothing was found, or it lies elsewhere; says `absent`.
        """
        if found is None:
            raise NotFound(absent)
        self.refuse_unseen(found.division, absent)
        return found

    def refuse_unseen(self, division: str | None, absent: str) -> None:
        """Check that the call may read what lies in a division.

        Raises:
            NotFound: it may not, or nothing lies anywhere (None); says `absent`.
        """
        scope = self.divisions
        if division is None or (scope is not None and division not in scope):
            raise NotFound(absent)

    def by_now(self, profile: Profile) -> Profile:
        """Say of a contact that is gone whether it can still be brought back."""
        if profile.since is None or profile.presence == "erased":
            return profile
        days = self.context.rules.settings.retention.restore_days
        over = instant_text(restorable_since(self.context.world.now(), days))
        return replace(profile, is_restorable=profile.since > over)

    @contextmanager
    def command(
        self, *, dry_run: bool = False, effective_at: datetime | None = None
    ) -> Iterator[Command]:
        """Decide and write one command: what it writes is stored together when the block ends.

        Args:
            dry_run: decide, and write nothing.
            effective_at: when what it does became true; None for now.
        """
        with no_garbage_collection(), self.context.store.writing() as writer:
            command = Command(self.context, self.action, writer, effective_at)
            try:
                yield command
                if not dry_run:
                    command.finish()
            finally:
                command.take_back_keys()
