"""Every setting of whoever runs the product: its name, what it may be, what it means, its default.

They say where things are and how to reach them. What the product is to decide is the administrator's
content (`aggregates/settings.py`), which is activated by an event and the same for all processes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

from aggregates.values import Value
from identity_engine.settings.kafka import (
    BATCH_BYTES,
    BATCH_SECONDS,
    MOST_BATCH_BYTES,
    MOST_BATCH_SECONDS,
    KafkaSettings,
)
from identity_engine.settings.publication import SOURCE, TOPIC_NAME

PREFIX: Final = "IDENTITY_ENGINE_"
MASK: Final = "***"
KEYWORD: Final = re.compile(r"(?i)(\w*password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|\S+)")
"""A password among the words by which libpq takes an address besides (`host=h password=secret`)."""

HOST_PORT: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/@,\[\]]+):\d{1,5}")
MOST_PORT: Final = 65_535
LISTENING: Final = re.compile(rf"{HOST_PORT.pattern}|:?\d{{1,5}}")


def split_at_commas(given: object) -> object:
    """Let a list be written as one text with commas between, as variables and options must."""
    if not isinstance(given, str):
        return given
    return tuple(filter(None, (one.strip() for one in given.split(","))))


def _one_broker(given: str) -> str:
    if not HOST_PORT.fullmatch(given) or not _is_port(given):
        raise ValueError("a broker is HOST:PORT")
    return given


def _one_topic(given: str) -> str:
    if not TOPIC_NAME.fullmatch(given):
        raise ValueError("this is no name of a topic: letters, digits, '.', '_' and '-'")
    return given


def _listening(given: str) -> str:
    if not LISTENING.fullmatch(given) or not _is_port(given):
        raise ValueError("an address to listen at is HOST:PORT, or a port of the loopback")
    return given


def _is_port(given: str) -> bool:
    return int(given.rpartition(":")[2]) <= MOST_PORT


def _a_number(given: object) -> object:
    """Refuse true and false, which would be taken for 1 and 0."""
    if isinstance(given, bool):
        raise ValueError("a number is wanted, not true or false")  # noqa: TRY004 - pydantic's way
    return given


IsNumber = BeforeValidator(_a_number)
Topic = Annotated[str, AfterValidator(_one_topic)]
Broker = Annotated[str, AfterValidator(_one_broker)]
Brokers = Annotated[tuple[Broker, ...], BeforeValidator(split_at_commas)]
Listening = Annotated[str, AfterValidator(_listening)]
Level = Literal["debug", "info", "warning", "error"]
Seconds = Annotated[float, IsNumber, Field(ge=0.1, le=3_600)]


class Section(Value):
    """Settings that belong together: a table of the file."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Log(Section):
    """What long-running verbs write to standard error (docs/reference/operations.md)."""

    level: Level | None = None
    """The least that is written; by default `info` for verbs that run until they are stopped, and
    `warning` for those that end by themselves."""
    format: Literal["text", "json"] = "text"
    """`text` for people, `json` for programs: one object a line."""


class Monitor(Section):
    """Health and metrics over HTTP, inside long-running verbs."""

    address: Listening | None = None
    """Where `/livez`, `/readyz` and `/metrics` answer: `HOST:PORT`, or a port of the loopback; not set:
    nowhere."""
    stall_seconds: Seconds = 120.0
    """After so many seconds in which the loop did not turn, `/livez` says so."""


class Sqlite(Section):
    """A store in a folder."""

    lock_seconds: Seconds = 30.0
    """How long a writer waits for the write lock of the log."""


class Postgres(Section):
    """A store on PostgreSQL."""

    lock_seconds: Seconds = 2.0
    """How long a writer waits for a lock."""
    statement_seconds: Seconds = 60.0
    """How long one statement may take."""
    idle_seconds: Seconds = 30.0
    """How long the server lets a transaction of ours stand idle before it ends it."""
    connect_seconds: Annotated[int, IsNumber, Field(ge=2, le=600)] = 5
    """How long to wait for a connection; whole seconds, since libpq counts in those."""


class Kafka(KafkaSettings):
    """The topic that `consume` reads, and how to reach its brokers."""

    servers: Brokers = ()
    """Brokers to ask first, each `HOST:PORT`."""
    topic: Topic | None = None
    """The topic to read."""
    group: Annotated[str, Field(pattern=r"\S")] = "identity-engine"
    """The consumer group: its workers share the partitions."""
    dead_letter_topic: Topic | None = None
    """Where what cannot be used is published too; not set: it is only kept beside the store."""
    batch_bytes: Annotated[int, IsNumber, Field(ge=1, le=MOST_BATCH_BYTES)] = BATCH_BYTES
    """A batch is written once it has so many bytes."""
    batch_seconds: Annotated[float, IsNumber, Field(ge=0.001, le=MOST_BATCH_SECONDS)] = (
        BATCH_SECONDS
    )
    """A batch is written at the latest so many seconds after its first message."""


class Publish(Section):
    """The topics that `publish` writes; their brokers, and how to reach them, are those of `kafka`."""

    topic: Topic | None = None
    """The topic of events."""
    profile_topic: Topic | None = None
    """Where the latest profile of each contact goes, with its personal values; not set: nowhere."""
    values: Annotated[tuple[str, ...], BeforeValidator(split_at_commas)] = ()
    """Fields, and types of identifiers, whose values may stand in events."""
    source: str = SOURCE
    """The `ce_source` of all records; stores that share a topic need one each."""


class OperatorSettings(Section):
    """All settings of one process."""

    store: str | None = None
    """The store: a folder, `sqlite:///FOLDER` or `postgresql://...`; not set: the user's data folder."""
    master_key: Path | None = None
    """The file of the key-encryption key; not set: `master.key` in the store's folder."""
    actor: str | None = None
    """Who acts, an opaque id; not set: `owner`."""
    traceback: bool = False
    """An unforeseen error shows where it came from; it may show personal values."""
    log: Log = Log()
    monitor: Monitor = Monitor()
    sqlite: Sqlite = Sqlite()
    postgres: Postgres = Postgres()
    kafka: Kafka = Kafka()
    publish: Publish = Publish()


def fields_of(
    model: type[BaseModel] = OperatorSettings, under: str = ""
) -> Iterator[tuple[str, FieldInfo]]:
    """Yield (name, field) of every setting; the name is dotted, as in `kafka.topic`."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields_of(kind, f"{under}{name}.")
        else:
            yield f"{under}{name}", field


def variable_of(name: str) -> str:
    """Return the environment variable of a setting: `IDENTITY_ENGINE_KAFKA_TOPIC` for `kafka.topic`."""
    return PREFIX + name.replace(".", "_").upper()


def value_of(settings: OperatorSettings, name: str) -> Any:
    """Return the value of a setting by its dotted name."""
    value: Any = settings
    for step in name.split("."):
        value = getattr(value, step)
    return value


def masked(value: Any) -> Any:
    """Return a value as it may be shown: an address without the password in it."""
    if not isinstance(value, str):
        return str(value) if isinstance(value, Path) else value
    if "://" not in value:
        return KEYWORD.sub(rf"\1{MASK}", value)
    hidden = re.sub(r"(?<=://)([^:@/?]*):.*@", rf"\1:{MASK}@", value)
    return re.sub(r"(?i)([?&][^=&]*password[^=&]*=)[^&]*", rf"\1{MASK}", hidden)
