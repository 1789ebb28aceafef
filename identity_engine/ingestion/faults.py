"""What can be wrong with something that came in, each under a stable code.

A fault is shown to publishers, written to logs and kept in clear beside a dead letter, so it never
holds a value of the input: a code, one sentence with the fix, and the place as a JSON pointer.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

MAX_FAULTS: Final = 200  # listed for one event; a hostile line could have a hundred thousand

MESSAGES: Final = {
    # the line
    "line_too_long": "The line is longer than 1 MiB; send large content by reference.",
    "empty_line": "The line is empty; send one JSON object a line.",
    "wrong_encoding": "The text is not in the expected encoding; save it as UTF-8.",
    "invalid_utf8": "The line is not valid UTF-8; save it as UTF-8.",
    "not_json": "The line is not valid JSON; send one JSON object a line.",
    "truncated_json": "The JSON text ends too early; send the whole object in one line.",
    "trailing_text": "There is text after the JSON object; send one JSON object a line.",
    "too_deep": "The JSON text is nested more than 32 levels deep; make it flatter.",
    "duplicate_key": "An object names the same key twice; keep one of them.",
    "not_a_number": "NaN and Infinity are not JSON numbers; leave the field out or send null.",
    "number_too_large": "A number does not fit a 64-bit float; send it as text.",
    "integer_too_large": "An integer does not fit 64 bits; send it as text.",
    "lone_surrogate": "The text has half of a surrogate pair; send whole characters.",
    # the envelope
    "not_an_object": "The event is not a JSON object; send one JSON object a line.",
    "unsupported_specversion": 'The CloudEvents version is not known; set specversion to "1.0".',
    "unknown_type": 'The event type is not known; set type to "identity_engine.interaction.v1" or '
    '"identity_engine.interaction.change.v1".',
    "unsupported_content_type": 'The content type is not JSON; set it to "application/json".',
    "binary_data": "Binary data is not taken; send the object in data instead of data_base64.",
    "bad_extension": "A CloudEvents extension attribute is a text, a number or a boolean.",
    "bad_time": "The time is not an RFC 3339 date and time; write 2026-01-31T09:30:00Z.",
    "bad_time_format": "The time is not of the format in the mapping; correct the cell or the format.",
    "leap_second": "A leap second cannot be stored; write second 59.",
    "naive_time": "The time has no offset; add Z or an offset such as +01:00.",
    "time_in_future": "The time is more than 5 minutes ahead; check the publisher's clock.",
    "conflicting_duplicate": "This source and id were stored before with other content; "
    "send a correction under an id of its own.",
    "division_not_allowed": "The publisher may not publish into this division; ask whoever grants "
    "roles.",
    # a field
    "missing_field": "The field is required; add it.",
    "unknown_field": "The field is not known here; remove it or put it into data.attributes.",
    "wrong_type": "The value has the wrong JSON type; see the format of this field.",
    "too_long": "The value is longer than the limit; shorten it.",
    "too_many": "There are more entries than the limit; send fewer.",
    "too_large": "The object is larger than 64 KiB as JSON; send large content by reference.",
    "empty_value": "The value is empty; give it a value or leave the whole entry out.",
    "bad_name": "A name is a lower-case letter and then at most 63 of a-z, 0-9, _ . -",
    "bad_direction": 'The direction is not known; send "inbound" or "outbound".',
    "unknown_change": "The change is not known; send accepted, message, transferred, unassigned, "
    "ended, wrapped_up, corrected or retracted.",
    "no_recipient": "A transfer goes to somebody; name to_agent or to_queue, one of them.",
    "not_opaque": "The id of an agent or a queue has up to 64 letters, digits and . _ : -, no name "
    "and no address.",
    "control_character": "The text has a control character; remove it.",
    "hidden_character": "The id has a control or invisible character; remove it.",
    "more_faults": "There are more faults than are listed; correct these first.",
    # the message
    "unreadable_message": "The client of Kafka cannot read the message: its batch is damaged, or the "
    "name of a header is not UTF-8; read it at its place with another tool and publish it again.",
    # the file
    "truncated_gzip": "The gzip file ends too early; copy it again and ingest it once more.",
    "damaged_gzip": "The gzip file is damaged from here on; copy it again and ingest it once more.",
    "ragged_row": "The row has more or fewer cells than the header; check delimiter and quotes.",
    "bad_quote": "The quotes of this row do not match; close each one, double one inside a cell.",
}

# Only a name of the envelope is shown: what a publisher wrote in the place of one may be the very
# value that must not reach a log.
_ENVELOPE_NAMES: Final = frozenset(
    (
        *(
            "specversion",
            "type",
            "source",
            "id",
            "time",
            "datacontenttype",
            "dataschema",
            "subject",
        ),
        *("data", "data_base64", "traceparent", "tracestate", "correlationid", "causationid"),
        *("channel", "direction", "division", "identifiers", "value", "scope", "verified"),
        *("profile", "attributes", "session", "mail", "interaction", "change"),
        *("agent", "to_agent", "to_queue", "reason"),
        *("operation", "fields", "rules", "promote", "confirmed", "effective_at"),
        *("message_id", "in_reply_to", "references", "to", "cc", "auto_submitted"),
        *("full_name", "other_names", "given_name", "family_name", "date_of_birth", "birth_place"),
        *("gender", "occupation", "address", "city", "region", "postcode", "country", "language"),
        *("organisation", "national_id"),
    )
)


class Fault(Struct, frozen=True):
    """One thing wrong with the input, safe to log.

    `code` is stable and made for machines, `message` is one plain sentence with the fix, `pointer`
    is an RFC 6901 JSON pointer ("" is the whole event).
    """

    code: str
    message: str
    pointer: str


class Rejected(Struct, frozen=True):
    """Input that cannot be used: its original bytes and every fault found in it.

    `is_cut` tells that `raw` is only the beginning of what was sent.
    """

    raw: bytes
    faults: tuple[Fault, ...]
    is_cut: bool = False


def fault(code: str, *place: str | int) -> Fault:
    """Make the fault `code` at `place`, the keys and indexes from the top of the event.

    A key that is no name of the envelope ends the pointer at its parent.
    """
    return Fault(code, MESSAGES[code], _pointer(place))


def _pointer(place: Sequence[str | int]) -> str:
    shown = ""
    for step in place:
        if isinstance(step, str) and step not in _ENVELOPE_NAMES:
            break
        shown += f"/{step}"
    return shown
