"""The shape of an enrichment on the wire: what one line of a file says about one contact."""

from typing import Annotated, Final, NotRequired

import orjson
from msgspec.structs import replace
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from aggregates.enriching import MOST_IDENTIFIERS
from aggregates.values import Id
from identity_engine.ingestion import json_text
from identity_engine.ingestion.faults import MAX_FAULTS, Fault, Rejected, fault
from identity_engine.ingestion.wire.interaction import (
    IdentifierValue,
    Name,
    Text,
    Time,
    faults_of,
)

MAX_FIELDS: Final = 64
MAX_VALUES: Final = 64  # of one field

_FIXES: Final = {
    "not_an_object": "The record is not a JSON object; send one JSON object a line.",
    "unknown_field": "The record has no such member; remove it, or put it into fields.",
}

_closed = with_config(ConfigDict(strict=True, extra="forbid"))
_as_list = BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
Texts = Annotated[list[Text], Field(max_length=MAX_VALUES)]


@_closed
class WireGiven(TypedDict):
    """One identifier of the contact; `country` is where a national number is read."""

    type: Name
    value: IdentifierValue
    scope: NotRequired[Id | None]
    country: NotRequired[Text | None]
    verified: NotRequired[bool | None]


@_closed
class WireEnrichment(TypedDict):
    """One record; a single text in a field is a list of one."""

    operation: Name
    identifiers: Annotated[list[WireGiven], Field(max_length=MOST_IDENTIFIERS)]
    fields: NotRequired[
        Annotated[dict[Name, Annotated[Texts | None, _as_list]], Field(max_length=MAX_FIELDS)]
    ]
    rules: NotRequired[Annotated[dict[Name, Name], Field(max_length=MAX_FIELDS)]]
    division: NotRequired[Id | None]
    promote: NotRequired[bool | None]
    reason: NotRequired[Text | None]
    confirmed: NotRequired[bool | None]
    effective_at: NotRequired[Time | None]


_validate: Final = TypeAdapter(WireEnrichment).validator.validate_python


def decode(line: bytes) -> WireEnrichment | Rejected:
    """Decode one record, or say everything that is wrong with its shape; never raises.

    Args:
        line: at most 1 MiB of UTF-8, with or without a byte order mark.
    """
    if len(line) > json_text.MAX_LINE:
        return Rejected(line, (fault("line_too_long"),))
    text = json_text.without_bom(line)
    try:
        document = orjson.loads(text)
        record: WireEnrichment = _validate(document)
    except ValueError:  # not JSON, or not of the shape
        return _rejected(line, text)
    if json_text.repeats_key(text, orjson.dumps(document)):
        return _rejected(line, text)
    return record


def _rejected(line: bytes, text: bytes) -> Rejected:
    document, faults = json_text.explain(text)
    if document is not None or not faults:
        shape = _shape_faults(document)
        placed = {known.code for known in shape}
        faults = [known for known in faults if known.code not in placed] + shape
    if len(faults) > MAX_FAULTS:
        faults[MAX_FAULTS:] = [fault("more_faults")]
    return Rejected(line, tuple(faults) or (fault("not_json"),))


def _shape_faults(document: object) -> list[Fault]:
    if not isinstance(document, dict):
        return [replace(fault("not_an_object"), message=_FIXES["not_an_object"])]
    try:
        _validate(document)
    except ValidationError as refused:
        found = faults_of(refused, document)
        return [replace(one, message=_FIXES.get(one.code, one.message)) for one in found]
    return []
