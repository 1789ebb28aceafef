"""The verb publish: a relay that tells Kafka what happens."""

import re
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter

from identity_engine.adapters.kafka_reach import reach
from identity_engine.cli.long_running import MonitorAt, at_work
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import show, show_json, show_json_line, show_table
from identity_engine.cli.usage import not_both
from identity_engine.errors import UsageError
from identity_engine.publication.asyncapi import document
from identity_engine.publication.relay import Published
from identity_engine.settings import OperatorSettings, in_force
from identity_engine.settings.model import variable_of
from identity_engine.settings.publication import Publication

SOURCE_NAME = re.compile(r"[!-~]{1,256}")


def publish(
    *,
    topic: Annotated[str | None, Parameter(help="The topic of events; made if missing.")] = None,
    bootstrap_servers: Annotated[
        str | None, Parameter(help="Brokers to ask first: HOST:PORT, several with commas between.")
    ] = None,
    profile_topic: str | None = None,
    value: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    source: str | None = None,
    once: Annotated[bool, Parameter(negative="")] = False,
    again: Annotated[bool, Parameter(negative="")] = False,
    asyncapi: Annotated[bool, Parameter(negative="")] = False,
    monitor: MonitorAt = None,
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
    once
        End at the head of the log.
    again
        Begin with the profiles of all contacts, told before or not.
    asyncapi
        Show the AsyncAPI document of these topics, and publish nothing.
    """
    not_both(asyncapi=asyncapi, once=once)
    not_both(asyncapi=asyncapi, again=again)
    settings = in_force(
        {
            "publish.topic": topic,
            "publish.profile_topic": profile_topic,
            "publish.values": value or None,
            "publish.source": source,
            "kafka.servers": bootstrap_servers,
            "monitor.address": monitor,
        }
    )
    publication = published(settings)
    if asyncapi:
        show_json(document(publication))
        return
    if not publication.servers:
        raise UsageError(
            "No broker is named. Give --bootstrap-servers HOST:PORT, or set "
            f"{variable_of('kafka.servers')}."
        )
    if again and publication.profile_topic is None:
        raise UsageError("--again needs --profile-topic.")
    needs = {"brokers": partial(reach, publication.servers, publication.settings)}
    with at_work("publish", store, settings.monitor, needs) as (engine, stopping):
        done = engine.desk.publishing.run(publication, once=once, again=again, stopping=stopping)
    if json:
        show_json_line(_numbers(done))
    else:
        _tell(done)


def published(settings: OperatorSettings) -> Publication:
    """Return what the settings say that is to be published, and where.

    Raises:
        UsageError: they name no topic, or one twice.
    """
    said = settings.publish
    if not said.topic:
        raise UsageError(f"No topic is named. Give --topic, or set {variable_of('publish.topic')}.")
    if said.profile_topic == said.topic:
        raise UsageError("--profile-topic is the topic of events. Give another one.")
    if not SOURCE_NAME.fullmatch(said.source):
        raise UsageError(
            "--source is no URI reference. Give one such as //centre.example/contacts."
        )
    return Publication(
        said.topic,
        settings.kafka.servers,
        said.profile_topic,
        settings.kafka,
        frozenset(said.values),
        said.source,
    )


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
