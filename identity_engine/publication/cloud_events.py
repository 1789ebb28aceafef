"""CloudEvents 1.0 in the binary mode of Kafka: attributes in headers, what is told as value.

Nothing of a person stands in a key or a header: they hold ids, types and times.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from aggregates.values import instant_text
from identity_engine.publication.contracts import ContactProfile, ContactRedirect, Public
from projections.base import Recorded

SPECVERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"
SEQUENCE_DIGITS: Final = 20


class Record(NamedTuple):
    """One record of a topic; `value` None is a tombstone."""

    key: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def event_record(event: Recorded, number: int, told: Public, source: str) -> Record:
    """Return the record of what an event of the log tells.

    Args:
        event: of the log.
        number: which of the things that it tells, from 0.
        told: what it tells.
        source: names this store to subscribers.
    """
    header = event.header
    subject = told.subject
    attributes = {
        # A repeat has the same id. What a fact tells further contacts has ids of its own.
        "id": header.event_id if number == 0 else f"{header.event_id}.{number}",
        "source": source,
        "type": told.TYPE,
        "subject": subject,
        "time": instant_text(header.valid_from),
        "recordedtime": instant_text(event.recorded_at),
        "sequence": f"{event.position:0{SEQUENCE_DIGITS}d}",
        "correlationid": header.correlation_id,
        "causationid": header.causation_id,
        "traceparent": header.traceparent,
    }
    return Record(subject, _json(told), _headers(attributes))


def profile_record(told: ContactProfile | ContactRedirect, time: str, source: str) -> Record:
    """Return the record of a contact on the profile topic; `time` is when it was read, UTC text."""
    attributes = {
        "id": f"{told.contact_id}.{told.position}",
        "source": source,
        "type": told.TYPE,
        "subject": told.contact_id,
        "time": time,
        "sequence": f"{told.position:0{SEQUENCE_DIGITS}d}",
    }
    return Record(told.contact_id, _json(told), _headers(attributes))


def tombstone(contact_id: str) -> Record:
    """Return the record that lets a topic forget a contact. It means erasure, and nothing else."""
    return Record(contact_id, None, ())


def _json(told: Public) -> bytes:
    return told.model_dump_json(exclude_none=True).encode()


def _headers(attributes: Mapping[str, str | None]) -> tuple[tuple[str, bytes], ...]:
    given = {"specversion": SPECVERSION, **attributes}
    named = [(f"ce_{name}", value.encode()) for name, value in given.items() if value is not None]
    return (*named, ("content-type", CONTENT_TYPE.encode()))
