"""What each topic is told, and from where in the log: a lane for events and one for profiles.

Each has a position of its own in the store, named after its topic and the id that the brokers gave it,
so that a topic that is new, or was made anew, is told everything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from aggregates.values import instant_text
from identity_engine.event_store.store import EventStore
from identity_engine.publication.cloud_events import (
    Record,
    event_record,
    profile_record,
    tombstone,
)
from identity_engine.publication.profiles import (
    Told,
    contacts_between,
    last_contact,
    latest,
    one_moment,
)
from identity_engine.publication.touching import FOLLOWED, Touched, touched_by
from identity_engine.publication.translation import TOLD, translate
from identity_engine.settings.publication import Publication
from projections.base import Recorded
from projections.runner import Views
from projections.sql import Connection

BATCH: Final = 1_000
"""Events that are read at once: what is in memory of them is bounded by it."""

CONTACTS: Final = 500
"""Profiles that are read at once where everybody is told anew."""

EVENT_TOPICS: Final = tuple(sorted(fact.TOPIC for fact in TOLD))
PROFILE_TOPICS: Final = tuple(sorted(fact.TOPIC for fact in FOLLOWED))


class Portion(NamedTuple):
    """Records that belong together, and the position that is reached once they are with the brokers;
    None while more must follow first."""

    records: Sequence[Record]
    reached: int | None


class KeepsViews(Protocol):
    """Who brings the views forward where they are to be read."""

    @property
    def views(self) -> Views:
        """The live views."""
        ...

    def follow(self) -> object:
        """Bring the views up to the head of the log."""
        ...


class Lane(Protocol):
    """What one topic is told."""

    topic: str

    def after(self, position: int) -> Iterator[Portion]:
        """Yield what is to be told of the events behind a position, as far as the log goes now."""


class EventLane:
    """Public events, in the order of the log."""

    def __init__(self, store: EventStore, publication: Publication) -> None:
        self.topic = publication.topic
        self._store, self._publication = store, publication

    def after(self, position: int) -> Iterator[Portion]:
        """Yield the events behind a position."""
        shown, source = self._publication.values, self._publication.source
        head = self._store.head()
        while position < head:
            events = self._store.read(position, BATCH, topics=EVENT_TOPICS)
            records = [
                event_record(event, number, told, source)
                for event in events
                for number, told in enumerate(translate(event, shown))
            ]
            position = _reached(events, head)
            yield Portion(records, position)


class ProfileLane:
    """The latest profile of each contact that events touched, each contact once in a portion.

    Args:
        store: whose log is followed.
        follower: keeps the views, which are brought forward here.
        preferred: gives the sources whose values come first, by the rules in force.
        publication: what goes where.
    """

    def __init__(
        self,
        store: EventStore,
        follower: KeepsViews,
        preferred: Callable[[], Sequence[str]],
        publication: Publication,
    ) -> None:
        assert publication.profile_topic is not None
        self.topic = publication.profile_topic
        self._store, self._follower, self._preferred = store, follower, preferred
        self._source = publication.source
        self.is_told_again = False
        """Whether to begin with the profiles of all contacts."""

    def after(self, position: int) -> Iterator[Portion]:
        """Yield the profiles that events behind a position touched; all of them behind position 0."""
        head = self._store.head()
        if position == 0 < head:
            position, self.is_told_again = head, True
        if self.is_told_again:
            yield from self.everybody(position)
            self.is_told_again = False
        while position < head:
            events = self._store.read(position, BATCH, topics=PROFILE_TOPICS)
            position = _reached(events, head)
            touched = touched_by(events)
            if touched.everybody:
                yield from self.everybody(position)
            else:
                yield Portion(self._records(touched, position), position)

    def everybody(self, reached: int) -> Iterator[Portion]:
        """Yield the profiles of all contacts; `reached` is the position that they stand for.

        Those that come into being meanwhile are told of by their events.
        """
        with self._reading(reached) as (views, _):
            last, until = "", last_contact(views)
        while last < until:
            with self._reading(reached) as (views, position):
                some = contacts_between(views, last, until, CONTACTS)
                told = latest(views, Touched(contacts=set(some)), position, self._preferred())
            yield Portion(self._as_records(told), None)
            last = some[-1] if some else until
        yield Portion((), reached)

    def _records(self, touched: Touched, reached: int) -> list[Record]:
        if touched.is_nobody:
            return []
        with self._reading(reached) as (views, position):
            told = latest(views, touched, position, self._preferred())
        return self._as_records(told)

    @contextmanager
    def _reading(self, until: int) -> Iterator[tuple[Connection, int]]:
        """Read the views at one moment, which is not before a position, and yield that moment's.

        A rebuild may swap in views that have not come as far as those that just followed.
        """
        while True:
            self._follower.follow()
            views = self._follower.views
            with one_moment(views) as position:
                if position >= until:
                    yield views.connection, position
                    return

    def _as_records(self, told: Mapping[str, Told]) -> list[Record]:
        now = instant_text(self._store.now())
        return [self._record(contact_id, one, now) for contact_id, one in told.items()]

    def _record(self, contact_id: str, told: Told, now: str) -> Record:
        if told is None:
            return tombstone(contact_id)
        return profile_record(told, now, self._source)


def _reached(events: Sequence[Recorded], head: int) -> int:
    """Return how far the log is read, of which `head` was the end before these were asked for."""
    last = events[-1].position if events else 0
    return last if len(events) == BATCH else max(last, head)
