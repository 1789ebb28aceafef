"""Interactions as a publisher would send them, with only what a test is about spelled out."""

from typing import Any

SOURCE = "//centre/calls"
TIME = "2026-02-01T09:00:00Z"


def event(
    id_: str,
    *identifiers: dict[str, Any],
    source: str = SOURCE,
    time: str = TIME,
    channel: str = "voice",
    **data: Any,
) -> dict[str, Any]:
    """A CloudEvent that carries one inbound interaction; `data` adds to it (profile, mail, ...)."""
    return {
        "specversion": "1.0",
        "type": "identity_engine.interaction.v1",
        "source": source,
        "id": id_,
        "time": time,
        "data": {
            "channel": channel,
            "direction": "inbound",
            "identifiers": list(identifiers),
            **data,
        },
    }


def change(
    id_: str,
    of: str,
    kind: str,
    *,
    source: str = SOURCE,
    of_source: str = SOURCE,
    time: str = TIME,
    **data: Any,
) -> dict[str, Any]:
    """A CloudEvent that carries a change of an interaction, named by its id."""
    return {
        "specversion": "1.0",
        "type": "identity_engine.interaction.change.v1",
        "source": source,
        "id": id_,
        "time": time,
        "data": {"interaction": {"source": of_source, "id": of}, "change": kind, **data},
    }


def message(id_: str, of: str, *identifiers: dict[str, Any], **data: Any) -> dict[str, Any]:
    """A message that the person writes in a conversation."""
    said = {"identifiers": list(identifiers)} if identifiers else {}
    return change(id_, of, "message", direction="inbound", **said, **data)


def phone(value: str = "+81312345678") -> dict[str, Any]:
    """A phone number; on a call it is the caller's, and so verified."""
    return {"type": "phone", "value": value}


def email(value: str, verified: bool | None = None) -> dict[str, Any]:
    """A mail address."""
    return {"type": "email", "value": value, "verified": verified}


def customer(value: str) -> dict[str, Any]:
    """A customer number that was checked: only one person can hold it."""
    return {"type": "customer_id", "value": value, "verified": True}
