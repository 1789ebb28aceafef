"""Events as Python code hands them over: JSON text or dictionaries, in a list."""

import json
from collections.abc import Iterable
from typing import Any

import orjson

from identity_engine.errors import UsageError

Given = bytes | str | dict[str, Any]
"""One CloudEvent: JSON text, or a dictionary of what it says."""


def lines_of(events: Iterable[Given]) -> list[bytes]:
    """Return events as the lines of a file would hold them.

    Raises:
        UsageError: it is one event and no list of them, or one is nothing that JSON can say.
    """
    if isinstance(events, bytes | str | dict) or not isinstance(events, Iterable):
        raise UsageError(f"Pass a list of events, not {_named(events)}: engine.ingest([event]).")
    return [_line(event, place) for place, event in enumerate(events, 1)]


def _line(event: Given, place: int) -> bytes:
    if isinstance(event, bytes):
        return event
    if isinstance(event, str):
        return event.encode("utf-8", "surrogatepass")
    if not isinstance(event, dict):
        raise UsageError(f"Event {place} is {_named(event)}. Pass JSON text or a dictionary.")
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:
        # Half a surrogate pair or a number over 64 bits: let the decoder say what is wrong.
        try:
            return json.dumps(event).encode()
        except (TypeError, ValueError):
            raise UsageError(
                f"Event {place} holds what JSON cannot say. Use text, numbers, lists, dictionaries "
                "with keys of text, True, False and None."
            ) from None


def _named(value: object) -> str:
    return f"a value of the type {type(value).__name__}"
