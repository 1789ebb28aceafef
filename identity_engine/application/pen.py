"""How a decision of the rules is written: each fact with its header, and into the index at once."""

from datetime import datetime

from aggregates.values import CommandId, EventId, Fact, Header
from identity_engine.adapters.clock import World
from identity_engine.application.rules import Rules
from identity_engine.event_store.mapper import Pending
from projections.match_index.index import MatchIndex


class Pen:
    """Writes the facts of one command of the rules that say nothing about a person."""

    def __init__(self, world: World, rules: Rules, index: MatchIndex) -> None:
        self._world = world
        self._index = index
        # The rules act, not a person: the version says which.
        self._actor = actor_of(rules)
        self._command_id = CommandId(world.new_id())
        self.events: list[Pending] = []

    def write(self, stream_id: str, version: int, valid_from: datetime, fact: Fact) -> None:
        """Note a fact to be stored, and let the index follow it."""
        header = Header(
            EventId(self._world.new_id()),
            valid_from,
            self._actor,
            self._command_id,
            causation_id=self.events[0].header.event_id if self.events else None,
        )
        self.events.append(Pending(stream_id, version, header, fact))
        self._index.apply(stream_id, version, valid_from, fact)


def actor_of(rules: Rules) -> str:
    """Return the actor of what the rules do by themselves."""
    return f"policy:{rules.policy_version[:16]}"
