"""The verb publish: a relay that tells Kafka what happens."""

import re
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from identity_engine.application.engine import Engine
from identity_engine.cli.consuming import _logged, _until_signalled
from identity_engine.cli.output import (
    Json,
    Store,
    read_content,
    show,
    show_json,
    show_json_line,
    show_table,
)
from identity_engine.errors import UsageError
from identity_engine.ingestion.kafka_settings import KafkaSettings
from identity_engine.publication.asyncapi import document
from identity_engine.publication.relay import Published
from identity_engine.publication.settings import SOURCE, Publication

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
SOURCE_NAME = re.compile(r"[!-~]{1,256}")


def publish(
    *,
    topic: Annotated[str | None, Parameter(help="The topic of events; made if missing.")] = None,
    bootstrap_servers: Annotated[
        str | None, Parameter(help="Brokers to ask first: HOST:PORT, several with commas between.")
    ] = None,
    profile_topic: str | None = None,
    value: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    source: str = SOURCE,
    settings: Path | None = None,
    once: Annotated[bool, Parameter(negative="")] = False,
    again: Annotated[bool, Parameter(negative="")] = False,
    asyncapi: Annotated[bool, Parameter(negative="")] = False,
    store: Store = None,
    json: Json = False,
) -> None:
    """Tell Kafka topics what happens, from where each topic is, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    profile_topic
        Publish the latest profile of each contact there, with its personal values.
    value
        A field, or a type of identifier, whose values may stand in events. May be repeated.
    source
        The ce_source of all records; stores that share a topic need one each.
    settings
        JSON file with security and time-outs; secrets come from the environment.
    once
        End at the head of the log.
    again
        Begin with the profiles of all contacts, told before or not.
    asyncapi
        Show the AsyncAPI document of these topics, and publish nothing.
    """
    publication = Publication(
        topic or "",
        tuple(filter(None, (one.strip() for one in (bootstrap_servers or "").split(",")))),
        profile_topic,
        KafkaSettings.model_validate_json(read_content(settings)) if settings else KafkaSettings(),
        frozenset(value),
        source,
    )
    if not publication.topic:
        raise UsageError("--topic names no topic. Give the topic of events.")
    for name in publication.topics:
        if not TOPIC_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a topic: letters, digits, '.', '_' and '-'.")
    if not SOURCE_NAME.fullmatch(source):
        raise UsageError(
            "--source is no URI reference. Give one such as //centre.example/contacts."
        )
    if asyncapi:
        show_json(document(publication))
        return
    if not publication.servers:
        raise UsageError("--bootstrap-servers names no broker. Give HOST:PORT.")
    if profile_topic == topic:
        raise UsageError("--profile-topic is the topic of events. Give another one.")
    if again and profile_topic is None:
        raise UsageError("--again needs --profile-topic.")
    with _logged(), _until_signalled() as stopping, Engine.open(store, make=False) as engine:
        done = engine.desk.publishing.run(publication, once=once, again=again, stopping=stopping)
    if json:
        show_json_line(_numbers(done))
    else:
        _tell(done)


def _numbers(done: Published) -> dict[str, Any]:
    return {
        "topics": [
            {
                "topic": one.topic,
                "records": one.records,
                "position": one.position,
                "head": one.head,
                "lag": one.lag,
            }
            for one in done.topics
        ],
        "sessions": done.sessions,
        "fenced": done.fenced,
        "retries": done.retries,
    }


def _tell(done: Published) -> None:
    show_table(
        ("topic", "records", "position", "head", "lag"),
        [(one.topic, one.records, one.position, one.head, one.lag) for one in done.topics],
        none="",
    )
    if done.retries:
        show(f"It waited {done.retries} times for the store, the brokers or its turn.")
    if done.fenced:
        show(f"Another relay took its place {done.fenced} times.")
