"""Interactions as people work with them: what waits, who has them, and whom they belong to."""

from dataclasses import dataclass

from aggregates.access import Action
from aggregates.change import AwaitedPersonal, InteractionChangeDeferred
from aggregates.values import instant_text
from identity_engine.application.operations.command import Operations
from identity_engine.application.operations.permissions import needs
from identity_engine.event_store.conversation_tables import all_waiting


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that came before its interaction, by what names both upstream (None once erased)."""

    change: str
    source: str | None
    id: str | None
    interaction_source: str | None
    interaction: str | None
    time: str
    received_at: str


class Interactions(Operations):
    """What an actor does with interactions."""

    @needs(Action.OPERATIONS_REDRIVE)
    def waiting(self, limit: int = 100) -> list[Waiting]:
        """Return changes that wait for their interaction, the oldest first."""
        with self.office.store.reading() as cursor:
            streams = [one.stream for one in all_waiting(cursor, limit)]
            events = self.office.store.read_streams(streams, cursor=cursor)
        found = []
        for event in events:
            fact = event.fact
            assert isinstance(fact, InteractionChangeDeferred)
            known = fact.personal if isinstance(fact.personal, AwaitedPersonal) else None
            found.append(
                Waiting(
                    fact.change.kind,
                    known.said.source if known else None,
                    known.said.id if known else None,
                    known.source if known else None,
                    known.id if known else None,
                    instant_text(event.header.valid_from),
                    instant_text(event.recorded_at),
                )
            )
        return found
