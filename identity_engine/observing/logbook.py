"""The logbook: events by name, with fields of a closed list, as text or JSON on standard error.

It stands on the logging of the standard library: records of other packages go there in any case, and
what is wanted besides is one formatter and a list of names (docs/decisions/0037).
"""

import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from time import monotonic
from typing import Final

import orjson

from identity_engine.observing.origin import origin_of
from identity_engine.observing.vocabulary import EVENTS, FIELDS
from identity_engine.settings import in_force

Said = str | int | float
ROOT: Final = "identity_engine"
FOREIGN: Final = {"kafka": logging.ERROR}
"""Other packages, and the least of theirs that is told."""

WORD: Final = re.compile(r"[A-Za-z0-9_.:/\[\]+-]{1,255}", re.ASCII)
"""A name, an id, a code, an address. Nothing with a blank or an at sign is one."""
UNSAID: Final = "?"
MINUTE: Final = 60.0


class Strictness:
    """Whether a logbook refuses what it must not say, as in tests, or leaves it out."""

    refuses = False


class Logbook:
    """Tells events by name.

    Args:
        name: of the module that tells them.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Said) -> None:
        """Tell what only matters to whoever looks for a fault."""
        self._tell(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Said) -> None:
        """Tell that work goes on."""
        self._tell(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Said) -> None:
        """Tell what a person should know if it goes on."""
        self._tell(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Said) -> None:
        """Tell what a person must look at."""
        self._tell(logging.ERROR, event, fields)

    def _tell(self, level: int, event: str, fields: Mapping[str, Said]) -> None:
        if self._logger.isEnabledFor(level):
            said = dict(_sayable(event, fields))
            self._logger.log(level, _line(event, said), extra={"event": event, "fields": said})


def _sayable(event: str, fields: Mapping[str, Said]) -> Iterator[tuple[str, Said]]:
    """Yield what may be said.

    Raises:
        ValueError: something may not, and the logbook is to refuse it.
    """
    if Strictness.refuses and event not in EVENTS:
        raise ValueError(f"The logbook knows no event {event}. Add it to the vocabulary.")
    for name, value in fields.items():
        if name not in FIELDS:
            if Strictness.refuses:
                raise ValueError(f"The logbook knows no field {name}. Add it to the vocabulary.")
            continue
        if isinstance(value, str) and not WORD.fullmatch(value):
            if Strictness.refuses:
                raise ValueError(f"What {event} says as {name} is no word.")
            value = UNSAID
        yield name, round(value, 6) if isinstance(value, float) else value


def fields_of(record: logging.LogRecord) -> tuple[str, Mapping[str, Said]]:
    """Return the event of a record and its fields; of a foreign one only where it comes from."""
    event = getattr(record, "event", None)
    if event is not None:
        return event, record.fields  # type: ignore[attr-defined]
    said: dict[str, Said] = {"logger": record.name, "place": f"{record.module}:{record.lineno}"}
    if count := getattr(record, "count", 0):
        said["count"] = count
    return "foreign", said


class OnceAMinute(logging.Filter):
    """Lets through what another package says at one place once a minute, with the count since: a client
    whose brokers are away says the same several times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, int], float] = {}
        self._since: Counter[tuple[str, int]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is to be told."""
        if hasattr(record, "event"):
            return True
        place = record.name, record.lineno
        self._since[place] += 1
        if record.created - self._told.get(place, -inf) < MINUTE:
            return False
        if place in self._told:
            record.count = self._since[place]
        self._told[place] = record.created
        self._since[place] = 0
        return True


class Text(logging.Formatter):
    """One line for people: time, level, event, `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return f"{_time(record)} {record.levelname:<7} {_line(*fields_of(record))}"


class Json(logging.Formatter):
    """One JSON object a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event, fields = fields_of(record)
        said = {"at": _time(record), "level": record.levelname.lower(), "event": event, **fields}
        return orjson.dumps(said).decode()


def _line(event: str, fields: Mapping[str, Said]) -> str:
    return " ".join([event, *(f"{name}={value}" for name, value in fields.items())])


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@contextmanager
def logged(verb: str, *, lasting: bool = False) -> Iterator[None]:
    """Write the logbook to standard error while a verb works, from its start to its end.

    Args:
        verb: as it is typed.
        lasting: it runs until it is stopped, so that by default more is told than what goes wrong.
    """
    settings = in_force().log
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel((settings.level or ("info" if lasting else "warning")).upper())
    handler.setFormatter(Json() if settings.format == "json" else Text())
    handler.addFilter(OnceAMinute())
    with heard_by(handler):
        yield from _told(verb.replace(" ", "_"), book.error if lasting else book.info)


def _told(verb: str, tell: Callable[..., None]) -> Iterator[None]:
    from identity_engine.version import __version__

    began = monotonic()
    book.info("started", verb=verb, version=__version__)
    try:
        yield
    except BaseException as error:
        kind, place = type(error).__name__, origin_of(error)
        tell("failed", verb=verb, error=kind, place=place, seconds=monotonic() - began)
        raise
    book.info("stopped", verb=verb, seconds=monotonic() - began)


@contextmanager
def heard_by(handler: logging.Handler) -> Iterator[None]:
    """Let a handler hear our events, down to its own level, and what others call an error."""
    ours = logging.getLogger(ROOT)
    before = ours.level
    ours.setLevel(min(handler.level or logging.DEBUG, before or logging.CRITICAL))
    ours.addHandler(handler)
    others = {logging.getLogger(name): level for name, level in FOREIGN.items()}
    levels = {logger: logger.level for logger in others}
    for logger, level in others.items():
        logger.setLevel(level)
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in (ours, *others):
            logger.removeHandler(handler)
        ours.setLevel(before)
        for logger, level in levels.items():
            logger.setLevel(level)


logging.getLogger(ROOT).addHandler(logging.NullHandler())  # who embeds us decides what is written
book = Logbook(__name__)
