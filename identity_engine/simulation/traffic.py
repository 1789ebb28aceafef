"""Contact-centre traffic, one interaction after the other in order of arrival."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from msgspec.structs import asdict

from identity_engine.errors import UsageError

from .chance import generator, pick, skewed, stride
from .channels import CHANNELS
from .difficulty import Difficulty
from .people import MOST_PEOPLE, PERIOD, Population
from .writing import Pen

Event = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)
"""No interaction is earlier; none is later than `PERIOD` days after."""

TRAFFIC = 100

_HEAD_OF_PEOPLE = 0.002
_FOLLOW_UPS = 0.15
_RECENT = 256
_LATEST = 1_000
_AT_FAVOURITE = 0.5
_UP_TO = tuple(accumulate(share for _, _, _, share in CHANNELS))
_BUSY_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 12, 16, 17, 16, 14, 15, 16, 15, 14, 13, 11, 10, 9, 6, 3, 2)
_FIRST_PLACES = (0, *accumulate(_BUSY_HOURS))
_PLACES = tuple(
    (hour, _FIRST_PLACES[hour], weight)
    for hour, weight in enumerate(_BUSY_HOURS)
    for _ in range(weight)
)


class Interaction(NamedTuple):
    """One event, with what only the simulator knows about it."""

    event: Event
    """A CloudEvents 1.0 envelope of type `identity_engine.interaction.v1`."""
    person: str
    """Opaque id of the person whose interaction it is."""
    language: str
    """The person's language, ISO 639-1."""
    troubles: tuple[str, ...]
    """Fields of `Difficulty` that show in this event, or in a field then left empty, and
    `unresolvable`."""


class _Recent(NamedTuple):
    person: int
    channel: int
    interaction_id: str


def simulate(people: int, interactions: int, seed: int) -> Iterator[tuple[Event, str]]:
    """Events with the person behind each, in order of arrival.

    The same arguments give the same events on every machine. Memory is bounded: it grows neither
    with the people nor with the interactions. An interaction that nobody could resolve (no name
    and no number, or a cookie never seen again) still carries the person who really made it, so
    that measured recall has a ceiling below 1, as in real traffic.

    Args:
        people: size of the population, 1 to `MOST_PEOPLE`; in few interactions not all appear.
        interactions: number of events, 0 or more.
        seed: 0 to 2 ** 64 - 1; another seed gives another world.

    Raises:
        UsageError: an argument is out of its range.
    """
    return ((made.event, made.person) for made in traffic(people, interactions, seed))


def traffic(
    people: int, interactions: int, seed: int, difficulty: Difficulty | None = None
) -> Iterator[Interaction]:
    """As `simulate`, under a difficulty of one's own, with the troubles that show in each event.

    Raises:
        UsageError: an argument is out of its range.
    """
    if not 1 <= people <= MOST_PEOPLE:
        raise UsageError(
            f"There can be 1 to {MOST_PEOPLE:,} people, not {people}. Choose another number of people."
        )
    if interactions < 0:
        raise UsageError(
            f"There can be 0 interactions or more, not {interactions}. Choose another number of them."
        )
    if not 0 <= seed < 2**64:
        raise UsageError(f"A seed is a number from 0 to {2**64 - 1}, not {seed}. Choose another.")
    chosen = difficulty or Difficulty()
    return _in_order_of_arrival(
        _in_order_of_time(people, interactions, seed, chosen),
        generator(seed, TRAFFIC, 1),
        chosen.late_arrival,
    )


def _in_order_of_time(
    people: int, interactions: int, seed: int, difficulty: Difficulty
) -> Iterator[Interaction]:
    random = generator(seed, TRAFFIC)
    population = Population(people, seed, difficulty)
    rates = asdict(difficulty)
    step, offset = stride(people), int(random.random() * people)
    recent: deque[_Recent] = deque(maxlen=_RECENT)
    for number in range(interactions):
        day, time = _time_of(number, interactions, random)
        before = pick(random, recent) if recent and random.random() < _FOLLOW_UPS else None
        rank = skewed(random, people, _HEAD_OF_PEOPLE)
        person = population.person(before.person if before else (rank * step + offset) % people)
        channel = before.channel if before else _channel(random, person.favourite)
        publish, source, prefix, _ = CHANNELS[channel]
        interaction_id = f"{prefix}-{number:08d}"
        pen = Pen(person, day, random, rates)
        content = publish(pen)
        if mail := content.get("mail"):
            content["mail"] = _threaded(mail, interaction_id, before)
        recent.append(_Recent(person.index, channel, interaction_id))
        yield Interaction(
            {
                "specversion": "1.0",
                "type": "identity_engine.interaction.v1",
                "source": source,
                "id": interaction_id,
                "time": time,
                "datacontenttype": "application/json",
                "data": content,
            },
            f"P{person.index:07d}",
            person.language.code,
            tuple(dict.fromkeys(pen.troubles)),
        )


def _in_order_of_arrival(
    interactions: Iterator[Interaction], random: Random, late: float
) -> Iterator[Interaction]:
    """Holds some interactions back for up to `_LATEST` places."""
    held: list[tuple[int, int, Interaction]] = []
    for number, interaction in enumerate(interactions):
        while held and held[0][0] <= number:
            yield heappop(held)[2]
        if random.random() < late:
            behind = number + 1 + int(random.random() * _LATEST)
            delayed = interaction._replace(troubles=(*interaction.troubles, "late_arrival"))
            heappush(held, (behind, number, delayed))
        else:
            yield interaction
    while held:
        yield heappop(held)[2]


def _threaded(mail: Event, interaction_id: str, before: _Recent | None) -> Event:
    """The mail with an id of its own, and as an answer if the person wrote before."""
    threaded = {"message_id": _message_id(interaction_id), **mail}
    if before:
        threaded["in_reply_to"] = _message_id(before.interaction_id)
        threaded["subject"] = f"Re: {mail['subject']}"
    return threaded


def _message_id(interaction_id: str) -> str:
    return f"<{interaction_id}@mail.example>"


def _channel(random: Random, favourite: float) -> int:
    chosen = favourite if random.random() < _AT_FAVOURITE else random.random()
    return min(bisect(_UP_TO, chosen), len(CHANNELS) - 1)


def _time_of(number: int, interactions: int, random: Random) -> tuple[float, str]:
    """The day counted from the start, and the time as RFC 3339 text; never before the last one.

    Within a day the hours fill up as in `_BUSY_HOURS`.
    """
    day = (number + random.random()) / interactions * PERIOD
    whole = min(int(day), PERIOD - 1)
    place = (day - whole) * len(_PLACES)
    hour, first, weight = _PLACES[min(int(place), len(_PLACES) - 1)]
    millisecond = min(int((place - first) / weight * 3_600_000), 3_599_999)
    second, millisecond = divmod(millisecond, 1000)
    minute, second = divmod(second, 60)
    return day, f"{_date(whole)}T{hour:02d}:{minute:02d}:{second:02d}.{millisecond:03d}Z"


@lru_cache(maxsize=PERIOD)
def _date(day: int) -> str:
    return (START + timedelta(days=day)).date().isoformat()
