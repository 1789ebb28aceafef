"""What a reader sees of one stored event."""

from msgspec import Struct


class HistoryEntry(Struct, frozen=True):
    """One event in the life of a contact.

    `recorded_at` is when it was stored, `valid_from` when it was true; `personal` is what it says
    about the person, None where it says nothing, `{"erased": true}` where it was erased.
    """

    position: int
    recorded_at: str
    valid_from: str
    topic: str
    stream_id: str
    version: int
    actor: str
    command_id: str
    event_id: str
    causation_id: str | None
    summary: str
    personal: dict[str, object] | None
