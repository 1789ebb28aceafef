"""What was in force when: the contents of one kind of rules, in the order of their activation."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from aggregates import policy as policies
from aggregates.policy import POLICY_STREAMS, Policy, PolicyActivated, PolicyState
from aggregates.settings import Settings
from identity_engine.event_store.store import EventStore
from projections.base import Recorded
from projections.sql import Cursor

T = TypeVar("T")


class PastRules(Generic[T]):
    """The contents that were ever in force, each with the position of the log from which on.

    Args:
        stream: of one kind of rules.
        read: makes a content of its JSON.
    """

    def __init__(self, stream: Iterable[Recorded], read: Callable[[str], T]) -> None:
        self._since: list[int] = []
        self._contents: list[T] = []
        state: PolicyState | None = None
        for event in stream:
            if isinstance(event.fact, PolicyActivated):
                state = policies.evolve(state, event.fact)
                assert state is not None
                self._since.append(event.position)
                self._contents.append(read(state.contents[state.version]))

    def at(self, position: int) -> T | None:
        """Return what was in force at a position, None before the first."""
        known = bisect_right(self._since, position)
        return self._contents[known - 1] if known else None

    def first(self, wanted: Callable[[T], bool]) -> int | None:
        """Return from which position on what is wanted was in force first, None if it never was."""
        known = zip(self._since, self._contents, strict=True)
        return next((since for since, content in known if wanted(content)), None)


def past_policies(store: EventStore, cursor: Cursor | None = None) -> PastRules[Policy]:
    """Return the policies that were ever in force, as of a transaction or of now."""
    stream = store.read_stream(POLICY_STREAMS["policy"], cursor=cursor)
    return PastRules(stream, Policy.model_validate_json)


def past_settings(store: EventStore) -> PastRules[Settings]:
    """Return the settings that were ever in force."""
    stream = store.read_stream(POLICY_STREAMS["settings"])
    return PastRules(stream, Settings.model_validate_json)
