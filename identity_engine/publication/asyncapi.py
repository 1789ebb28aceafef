"""The AsyncAPI 3.0 document of a publication: its topics, keys, headers and contracts.

It is written as JSON, which every reader of YAML reads.
"""

import inspect
from collections.abc import Iterable
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from identity_engine.publication.cloud_events import CONTENT_TYPE, SPECVERSION
from identity_engine.publication.contracts import EVENTS, PROFILES, Public
from identity_engine.settings.publication import Publication
from identity_engine.version import __version__

BINDING: Final = "0.5.0"
TOMBSTONE: Final = "tombstone"
HEADERS: Final = {
    "ce_specversion": {"const": SPECVERSION},
    "ce_id": {"description": "A repeat has the id of the original."},
    "ce_source": {"description": "Which store it comes from."},
    "ce_type": {"description": "The contract of the value, with its version."},
    "ce_subject": {"description": "What it is about, which is also the key."},
    "ce_time": {"format": "date-time", "description": "Since when it is true."},
    "ce_recordedtime": {"format": "date-time", "description": "When it was stored."},
    "ce_sequence": {"description": "The position in the log, 20 digits."},
    "ce_correlationid": {"description": "What belongs to one business process has the same."},
    "ce_causationid": {"description": "The event that it follows from."},
    "ce_traceparent": {"description": "W3C Trace Context."},
    "content-type": {"const": CONTENT_TYPE},
}
ALWAYS: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "content-type")


def document(publication: Publication) -> dict[str, Any]:
    """Return the AsyncAPI document of what a publication publishes."""
    contracts = EVENTS if publication.profile_topic is None else (*EVENTS, *PROFILES)
    _, schemas = models_json_schema(
        [(one, "validation") for one in contracts], ref_template="#/components/schemas/{model}"
    )
    messages = {one.TYPE: _message(one) for one in contracts}
    channels = {"events": _channel(publication, publication.topic, [one.TYPE for one in EVENTS])}
    if publication.profile_topic is not None:
        messages[TOMBSTONE] = _tombstone()
        types = [*(one.TYPE for one in PROFILES), TOMBSTONE]
        channels["profiles"] = _channel(publication, publication.profile_topic, types)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "identity-engine",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
            "description": "What happens to contacts, and the latest profile of each. CloudEvents "
            "1.0 in the binary mode of Kafka, at least once, in order for each key.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": {
            f"publish_{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": channel["summary"],
            }
            for name, channel in channels.items()
        },
        "components": {
            "messages": messages,
            "schemas": {
                **schemas["$defs"],
                "Headers": {
                    "type": "object",
                    "required": list(ALWAYS),
                    "properties": {
                        name: {"type": "string", **told} for name, told in HEADERS.items()
                    },
                },
            },
        },
    }


def _channel(publication: Publication, topic: str, messages: Iterable[str]) -> dict[str, Any]:
    is_profile = topic == publication.profile_topic
    return {
        "address": topic,
        "summary": "The latest profile of each contact"
        if is_profile
        else "What happened to contacts and cases",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": [publication.cleanup_of(topic)]},
                "bindingVersion": BINDING,
            }
        },
    }


def _message(contract: type[Public]) -> dict[str, Any]:
    said = inspect.cleandoc(contract.__doc__ or "")
    return {
        "name": contract.TYPE,
        "title": contract.__name__,
        "summary": said.partition("\n\n")[0].replace("\n", " "),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{contract.__name__}"},
        "bindings": _keyed(f"The {contract.ABOUT} of the value."),
    }


def _tombstone() -> dict[str, Any]:
    return {
        "name": TOMBSTONE,
        "title": "Tombstone",
        "summary": "The contact was erased. Nothing else is told in this way.",
        "payload": {"type": "null"},
        "bindings": _keyed("The contact that was erased."),
    }


def _keyed(said: str) -> dict[str, Any]:
    key = {"type": "string", "format": "uuid", "description": said}
    return {"kafka": {"key": key, "bindingVersion": BINDING}}
