"""The shape of an interaction event on the wire, as CloudEvents 1.0 in JSON.

Wire records refuse unknown fields, so that a misspelt field is heard of and not lost. Only the
event's top level is open, for CloudEvents extension attributes; `wire_faults` checks their names.
Typed dictionaries, not models: pydantic fills them without a Python call per field.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, NotRequired

import orjson
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import TypedDict

from aggregates.values import MAX_ID, VISIBLE, Id
from identity_engine.ingestion.faults import MESSAGES, Fault, fault
from identity_engine.ingestion.json_text import MAX_DEPTH, is_deeper

INTERACTION: Final = "identity_engine.interaction.v1"
CHANGE: Final = "identity_engine.interaction.change.v1"

MAX_IDENTIFIER: Final = 512  # characters of one identifier value
MAX_VALUE: Final = 4_096  # characters of one profile value
MAX_IDENTIFIERS: Final = 64
MAX_PROFILE_FIELDS: Final = 64
MAX_ADDRESSES: Final = 256  # entries of one list in the mail block
MAX_ATTRIBUTES: Final = 64 * 1024  # bytes as canonical JSON
_LEVELS_ABOVE: Final = 2  # the event and its data, around the attributes
CLOCK_SKEW: Final = timedelta(minutes=5)

ONE_LINE: Final = r"^[^\p{Cc}]*$"
MANY_LINES: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_JSON_CONTENT: Final = r"(?i)^application/([a-z0-9.+-]+\+)?json\s*(;.*)?$"
_NAME: Final = r"^[a-z][a-z0-9_.-]{0,63}$"
OPAQUE: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
"""The id of an agent or a queue: no name and no address, because it is stored in the clear."""

Name = Annotated[str, StringConstraints(pattern=_NAME)]
IdentifierValue = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_IDENTIFIER, pattern=ONE_LINE)
]
Text = Annotated[str, StringConstraints(max_length=MAX_VALUE, pattern=MANY_LINES)]

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:(\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:[0-5]\d)?", re.ASCII
)


def _utc(given: object) -> datetime:
    if not isinstance(given, str):
        raise PydanticCustomError("wrong_type", "not a text")
    shape = _RFC3339.fullmatch(given)
    if shape is None:
        raise PydanticCustomError("bad_time", "not RFC 3339")
    if shape[1] == "60":
        raise PydanticCustomError("leap_second", "a leap second")
    if shape[2] is None:
        raise PydanticCustomError("naive_time", "no offset")
    try:
        moment = datetime.fromisoformat(given.upper())
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_time", "no such moment") from None


def _canonical_text(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise PydanticCustomError("wrong_type", "not an object")
    if is_deeper(given, MAX_DEPTH - _LEVELS_ABOVE):
        raise PydanticCustomError("too_deep", "too deep")
    try:
        text = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise PydanticCustomError("lone_surrogate", "half a surrogate pair") from None
    if len(text) > MAX_ATTRIBUTES:
        raise PydanticCustomError("too_large", "too large")
    return text.decode()


# RFC 5322 writes References as one text; RFC 3834 writes Auto-Submitted as a word.
_as_ids = BeforeValidator(
    # Brackets hold an id together, also where a header was folded within them.
    lambda given: re.findall(r"<[^<>]*>|[^\s<>]+", given) if isinstance(given, str) else given
)
_as_list = BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
_as_word = BeforeValidator(
    lambda given: ("no", "auto-generated")[given] if isinstance(given, bool) else given
)
Texts = Annotated[list[Text], Field(max_length=MAX_ADDRESSES)]
Time = Annotated[datetime, PlainValidator(_utc)]
FreeJson = Annotated[str | None, PlainValidator(_canonical_text)]
JsonContent = Annotated[str, StringConstraints(max_length=MAX_ID, pattern=_JSON_CONTENT)]

_closed = with_config(ConfigDict(strict=True, extra="forbid"))
_open = with_config(ConfigDict(strict=True, extra="ignore"))


@_closed
class WireIdentifier(TypedDict):
    """One identifier the publisher saw, with whether it was verified (absent: not said)."""

    type: Name
    value: IdentifierValue
    scope: NotRequired[Id | None]
    verified: NotRequired[bool | None]


@_closed
class WireMail(TypedDict):
    """The header fields of a mail that threading needs; a single text is a list of one."""

    message_id: NotRequired[Text | None]
    in_reply_to: NotRequired[Annotated[Texts | None, _as_ids]]
    references: NotRequired[Annotated[Texts | None, _as_ids]]
    subject: NotRequired[Text | None]
    to: NotRequired[Annotated[Texts | None, _as_list]]
    cc: NotRequired[Annotated[Texts | None, _as_list]]
    auto_submitted: NotRequired[Annotated[Text | None, _as_word]]


@_closed
class WireInteraction(TypedDict):
    """The `data` of an interaction event."""

    channel: Name
    direction: Literal["inbound", "outbound"]
    division: NotRequired[Id | None]
    identifiers: NotRequired[Annotated[list[WireIdentifier], Field(max_length=MAX_IDENTIFIERS)]]
    profile: NotRequired[Annotated[dict[Name, Text], Field(max_length=MAX_PROFILE_FIELDS)]]
    attributes: NotRequired[FreeJson]
    mail: NotRequired[WireMail | None]
    session: NotRequired[Id | None]


@_open
class WireEvent(TypedDict):
    """A CloudEvents 1.0 event that carries one interaction."""

    specversion: Literal["1.0"]
    type: Literal["identity_engine.interaction.v1"]
    source: Id
    id: Id
    time: Time
    datacontenttype: NotRequired[JsonContent | None]
    dataschema: NotRequired[Text | None]
    subject: NotRequired[Text | None]
    traceparent: NotRequired[Text | None]
    correlationid: NotRequired[Id | None]
    causationid: NotRequired[Id | None]
    data: WireInteraction


validate: Final = TypeAdapter(WireEvent).validator.validate_python
_time_of: Final = TypeAdapter(Time).validator.validate_python

ATTRIBUTES: Final = frozenset(WireEvent.__annotations__)
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,64}")

_CODES: Final = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "empty_value",
    "too_long": "too_many",
    "string_unicode": "lone_surrogate",
}
_PATTERN_CODES: Final = {
    _NAME: "bad_name",
    _JSON_CONTENT: "unsupported_content_type",
    VISIBLE: "hidden_character",
    ONE_LINE: "control_character",
    MANY_LINES: "control_character",
    OPAQUE: "not_opaque",
}
_LITERAL_CODES: Final = {
    "specversion": "unsupported_specversion",
    "type": "unknown_type",
    "direction": "bad_direction",
}


def breaks_a_rule(document: Mapping[str, object], time: datetime, *, now: datetime) -> bool:
    """Tell whether a validated `document` breaks a rule beyond the types: its extension attributes
    and its `time`.
    """
    return time > now + CLOCK_SKEW or (
        not document.keys() <= ATTRIBUTES and bool(_extension_faults(document))
    )


def wire_faults(
    document: object,
    *,
    now: datetime,
    shape_faults: "Callable[[Mapping[str, object]], list[Fault]] | None" = None,
) -> list[Fault]:
    """List every fault in the shape of `document`, a parsed JSON value; empty if there is none.

    `shape_faults` looks at an event of another type; without it, such data is not looked at.
    """
    if not isinstance(document, dict):
        return [fault("not_an_object")]
    found = [*(shape_faults or _shape_faults)(document), *_extension_faults(document)]
    if _is_in_future(document.get("time"), now):
        found.append(fault("time_in_future", "time"))
    return found


def _extension_faults(document: Mapping[str, object]) -> list[Fault]:
    found = []
    for name in sorted(document.keys() - ATTRIBUTES):
        if name == "data_base64":
            found.append(fault("binary_data", name))
        elif not _EXTENSION.fullmatch(name):
            found.append(fault("unknown_field", name))
        elif isinstance(document[name], dict | list):
            found.append(fault("bad_extension", name))
    return found


def _shape_faults(document: Mapping[str, object]) -> list[Fault]:
    try:
        validate(document)
    except ValidationError as refused:
        kind = document.get("type")
        return faults_of(refused, document, is_other=isinstance(kind, str) and kind != INTERACTION)
    return []


def faults_of(
    refused: ValidationError,
    document: Mapping[str, object],
    *,
    is_other: bool = False,
    tags: AbstractSet[str] = frozenset(),
) -> list[Fault]:
    """Return what validation found, as faults.

    Args:
        refused: what it raised.
        document: the event.
        is_other: leave out the data, because the event is of another type.
        tags: names that validation puts into a place and that are not in the document.
    """
    without_data = is_other or "data_base64" in document
    return [
        _fault_of(error, tags)
        for error in refused.errors(include_url=False, include_input=False, include_context=True)
        if not (without_data and error["loc"][:1] == ("data",))
    ]


def _fault_of(error: ErrorDetails, tags: AbstractSet[str]) -> Fault:
    place, what = error["loc"], error["type"]
    if place[:1] == ("data",) and place[1:2] and place[1] in tags:
        place = (*place[:1], *place[2:])
    if what == "union_tag_not_found":
        return fault("missing_field", *place, "change")
    if what == "union_tag_invalid":
        return fault("unknown_change", *place, "change")
    if what == "literal_error":
        return fault(_LITERAL_CODES[str(place[-1])], *place)
    if what == "string_pattern_mismatch":
        code = _PATTERN_CODES[error["ctx"]["pattern"]]
    else:
        code = _CODES.get(what, what if what in MESSAGES else "wrong_type")
    if place[-1] == "[key]":
        place = place[:-2]
    return fault(code, *place)


def _is_in_future(time: object, now: datetime) -> bool:
    try:
        return bool(_time_of(time) > now + CLOCK_SKEW)
    except ValidationError:
        return False
