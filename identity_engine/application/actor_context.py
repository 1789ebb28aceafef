"""What every operation of one actor works with: the store, the rules in force, the actor's rights."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from aggregates.access import (
    EVERY_DIVISION,
    REFUSALS_STREAM,
    AccessRefused,
    AccessState,
    Action,
    Rights,
)
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import header_of_its_own
from identity_engine.application.policies import Policies
from identity_engine.application.queries import Queries
from identity_engine.application.rules import Rules
from identity_engine.application.views.follower import Follower
from identity_engine.errors import Denied
from identity_engine.event_store.mapper import Pending
from identity_engine.event_store.store import EventStore, stream_versions
from identity_engine.ingestion.dead_letters import DeadLetters


class Services(Struct, frozen=True):
    """What an engine has for all actors at its store."""

    store: EventStore
    world: World
    policies: Policies
    follower: Follower
    queries: Queries
    dead_letters: DeadLetters


class ActorContext:
    """One actor at one store.

    Args:
        services: of the engine.
        actor: an opaque id, never a name or an address.
    """

    def __init__(self, services: Services, actor: str) -> None:
        self._services = services
        self.store, self.world = services.store, services.world
        self.policies, self.follower = services.policies, services.follower
        self.queries, self.dead_letters = services.queries, services.dead_letters
        self.actor = actor
        self._rights: tuple[AccessState, Rights] | None = None

    def of(self, actor: str) -> "ActorContext":
        """Return the context of another actor at the same store."""
        return ActorContext(self._services, actor)

    @property
    def rules(self) -> Rules:
        """Policy, model and settings in force."""
        return self.policies.rules

    @property
    def rights(self) -> Rights:
        """What the actor may do, by the grants in force."""
        access = self.policies.access
        if self._rights is None or self._rights[0] is not access:
            self._rights = access, access.rights_of(self.actor)
        return self._rights[1]

    @contextmanager
    def permitted(
        self, action: Action, *, everywhere: bool = False, target: str | None = None
    ) -> Iterator[None]:
        """Run what needs an action, somewhere or everywhere; a refusal, also within, is recorded once.

        Args:
            action, everywhere: as for `needs`.
            target: the id that the call names.

        Raises:
            Denied: no grant allows it.
        """
        if action is not Action.INGEST_PUBLISH:  # each batch catches up itself, and is in haste
            self.policies.catch_up()
        try:
            self._allows_somewhere(action, target)
            if everywhere:
                self.allows_everywhere(action)
            yield
        except Denied as refused:
            self._record(refused)
            raise

    def _allows_somewhere(self, action: Action, target: str | None) -> None:
        if not self.rights.allow_somewhere(action):
            raise Denied(action, target=target)

    def allows(self, action: Action, division: str, target: str | None = None) -> None:
        """Check that the actor may do this in a division.

        Raises:
            Denied: no grant allows it.
        """
        if not self.rights.allow(action, division):
            raise Denied(action, division, target)

    def allows_everywhere(self, action: Action) -> None:
        """Check that the actor may do this in all divisions.

        Raises:
            Denied: in some only.
        """
        if not self.rights.allow_everywhere(action):
            raise Denied(action, EVERY_DIVISION)

    def sees(self, action: Action, division: str) -> bool:
        """Tell whether what lies in a division is there for the actor at all."""
        return self.rights.allow(Action.CONTACT_VIEW, division) or self.rights.allow(
            action, division
        )

    def _record(self, refused: Denied) -> None:
        if refused.recorded:
            return
        refused.recorded = True
        fact = AccessRefused(
            action=refused.action, division=refused.division, target=refused.target
        )
        with self.store.writing() as writer:
            version = stream_versions(writer.cursor, [REFUSALS_STREAM]).get(REFUSALS_STREAM, 0)
            header = header_of_its_own(self.world, self.actor)
            writer.append([Pending(REFUSALS_STREAM, version + 1, header, fact)])
