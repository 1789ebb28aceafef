"""The shape of a change event on the wire: what happens to an interaction that was published before.

Each kind of change has its own fields, so that a field which the kind does not know is heard of.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, NotRequired, get_args

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from aggregates.change import ChangeKind
from aggregates.values import Id
from identity_engine.ingestion.faults import Fault, fault
from identity_engine.ingestion.wire.interaction import (
    MAX_IDENTIFIERS,
    MAX_PROFILE_FIELDS,
    OPAQUE,
    FreeJson,
    JsonContent,
    Name,
    Text,
    Time,
    WireIdentifier,
    WireMail,
    faults_of,
)

Opaque = Annotated[str, StringConstraints(pattern=OPAQUE)]
Identifiers = Annotated[list[WireIdentifier], Field(max_length=MAX_IDENTIFIERS)]
Profile = Annotated[dict[Name, Text], Field(max_length=MAX_PROFILE_FIELDS)]

_closed = with_config(ConfigDict(strict=True, extra="forbid"))
_open = with_config(ConfigDict(strict=True, extra="ignore"))


@_closed
class WireReference(TypedDict):
    """The interaction that changed, by what names it upstream."""

    source: Id
    id: Id


@_closed
class WireAccepted(TypedDict):
    """An agent took the interaction."""

    interaction: WireReference
    change: Literal["accepted"]
    agent: Opaque


@_closed
class WireMessage(TypedDict):
    """A message in the conversation, with what it says about the person besides."""

    interaction: WireReference
    change: Literal["message"]
    direction: Literal["inbound", "outbound"]
    agent: NotRequired[Opaque | None]
    identifiers: NotRequired[Identifiers]
    profile: NotRequired[Profile]
    attributes: NotRequired[FreeJson]
    mail: NotRequired[WireMail | None]


@_closed
class WireTransferred(TypedDict):
    """The interaction went to another agent, or to a queue."""

    interaction: WireReference
    change: Literal["transferred"]
    agent: NotRequired[Opaque | None]
    to_agent: NotRequired[Opaque | None]
    to_queue: NotRequired[Opaque | None]


@_closed
class WireUnassigned(TypedDict):
    """An agent gave the interaction back."""

    interaction: WireReference
    change: Literal["unassigned"]
    agent: Opaque


@_closed
class WireEnded(TypedDict):
    """The conversation is over; what the agent still has to do is wrapped up later."""

    interaction: WireReference
    change: Literal["ended"]
    agent: NotRequired[Opaque | None]


@_closed
class WireWrappedUp(TypedDict):
    """The agent is done with the interaction."""

    interaction: WireReference
    change: Literal["wrapped_up"]
    agent: NotRequired[Opaque | None]


@_closed
class WireCorrected(TypedDict):
    """What the publisher says about the person now, whole: it replaces what was said before."""

    interaction: WireReference
    change: Literal["corrected"]
    identifiers: Identifiers
    profile: Profile
    reason: NotRequired[Text | None]


@_closed
class WireRetracted(TypedDict):
    """The publisher takes the interaction back: it was none, or not meant for here."""

    interaction: WireReference
    change: Literal["retracted"]
    reason: NotRequired[Text | None]


WireChange = Annotated[
    WireAccepted
    | WireMessage
    | WireTransferred
    | WireUnassigned
    | WireEnded
    | WireWrappedUp
    | WireCorrected
    | WireRetracted,
    Field(discriminator="change"),
]
TAGS: Final = frozenset(get_args(ChangeKind))


@_open
class WireChangeEvent(TypedDict):
    """A CloudEvents 1.0 event that carries one change."""

    specversion: Literal["1.0"]
    type: Literal["identity_engine.interaction.change.v1"]
    source: Id
    id: Id
    time: Time
    datacontenttype: NotRequired[JsonContent | None]
    dataschema: NotRequired[Text | None]
    subject: NotRequired[Text | None]
    traceparent: NotRequired[Text | None]
    correlationid: NotRequired[Id | None]
    causationid: NotRequired[Id | None]
    data: WireChange


validate: Final = TypeAdapter(WireChangeEvent).validator.validate_python


def change_faults(document: Mapping[str, object]) -> list[Fault]:
    """List every fault in the shape of a change event; empty if there is none."""
    try:
        event = validate(document)
    except ValidationError as refused:
        return faults_of(refused, document, tags=TAGS)
    return [fault("no_recipient", "data")] if broken_rule(event["data"]) else []


def broken_rule(data: WireChange) -> bool:
    """Tell whether validated data breaks a rule beyond the types: a transfer has one recipient."""
    return data["change"] == "transferred" and bool(data.get("to_agent")) == bool(
        data.get("to_queue")
    )
