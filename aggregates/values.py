"""The words every layer shares: ids, the header, the evidence, and the base of all stored facts."""

from datetime import UTC, datetime
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, NewType

from msgspec import Meta, Struct
from pydantic import BaseModel, ConfigDict, StringConstraints

# Ids are UUIDv7 in their canonical lower-case text form. They are opaque: no id holds a value of a
# person, so ids may stand in logs, topics and addresses.
ContactId = NewType("ContactId", str)
InteractionId = NewType("InteractionId", str)
IdentifierId = NewType("IdentifierId", str)
PolicyId = NewType("PolicyId", str)
MergeId = NewType("MergeId", str)
NoteId = NewType("NoteId", str)
CaseId = NewType("CaseId", str)
MailId = NewType("MailId", str)
CompositionId = NewType("CompositionId", str)
AccessId = NewType("AccessId", str)
LinkId = NewType("LinkId", str)
AugmentationId = NewType("AugmentationId", str)
CreationId = NewType("CreationId", str)
EventId = NewType("EventId", str)
CommandId = NewType("CommandId", str)

DEFAULT_DIVISION = "default"

MAX_ID: Final = 256  # characters, for source, id, division, session, scope and correlation ids
# Ids are compared and shown, so nothing invisible: no control, format (bidi), line separators.
VISIBLE: Final = r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID, pattern=VISIBLE)]
"""What a system outside calls something."""


@lru_cache(maxsize=4_096)
def instant_text(moment: datetime) -> str:
    """Return an aware time as fixed-width UTC text, `2026-01-31T23:59:59.000000Z`.

    One width for every instant keeps text order and time order the same, and lets the store stamp a
    record in place. It is cached, because the events of one interaction share their times.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


Instant = Annotated[datetime, Meta(tz=True)]
"""An aware time; what is stored is in UTC, because JSON has no offset with seconds."""


class Stage(StrEnum):
    """How well a contact is known. It rises; it falls only by undo of the event that raised it."""

    EPHEMERAL = "ephemeral"
    IDENTIFIED = "identified"
    CURATED = "curated"

    @property
    def rank(self) -> int:
        """0 for ephemeral, 1 for identified, 2 for curated."""
        return list(Stage).index(self)


class IdentifierClass(StrEnum):
    """How much an identifier of this kind may decide (`docs/reference/policy.md`)."""

    EXCLUSIVE = "exclusive"
    STRONG = "strong"
    WEAK = "weak"
    PLACE = "place"
    DEVICE = "device"


class Value(BaseModel):
    """Base of what people write, such as a policy: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Stored(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all that is stored for ever: frozen, and an unknown field is ignored on reading.

    Ignoring is what lets an older reader follow a log that a newer writer has extended. A field that
    has its default is not written, so a default never changes: another one is another schema.
    """


class Erased(Enum):
    """Stands where a personal value was, once the key of its subject has been destroyed."""

    ERASED = "erased"


class Fact(Stored, frozen=True, kw_only=True):
    """Base of every event: what happened, in the past tense.

    `TOPIC` is the stored name and never changes; `SCHEMA` counts the versions of the stored shape
    (1 is the first; from 2 on an upcaster leads from the version before). A fact that says something
    about a person does so in its last field, `personal`, one value that the store encrypts as a whole.
    """

    TOPIC: ClassVar[str]
    SCHEMA: ClassVar[int] = 1

    def about_a_person(self) -> Any:
        """Return the personal value, None where the fact has none."""
        return getattr(self, "personal", None)


class Header(Struct, frozen=True, omit_defaults=True):
    """What every event carries besides its fact.

    `valid_from` is when the fact became true in the world, in UTC: the envelope's time, or the command's
    `effective_at`. The other time, `recorded_at`, is given by the store under its write lock and so
    stands on `Recorded`, not here. `actor` and `command_id` are opaque.
    """

    event_id: EventId
    valid_from: Instant
    actor: str
    command_id: CommandId
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


class ComparisonEvidence(Stored, frozen=True, kw_only=True):
    """One line of the waterfall: which comparison, at which level, worth how many millibits."""

    name: str
    level: str
    weight: int


class CandidateEvidence(Stored, frozen=True, kw_only=True):
    """A contact that was considered and lost, with its weight in millibits."""

    contact_id: ContactId
    weight: int


class RefusalEvidence(Stored, frozen=True, kw_only=True):
    """A contact that a guard refused, the guard, and the contact's best weight in millibits."""

    contact_id: ContactId
    guard: str
    weight: int = 0


class Evidence(Stored, frozen=True, kw_only=True):
    """Why a decision was taken, complete enough to explain it years later without computing again.

    It holds ids, levels and integer millibits, never a value of either side. `weight` is the sum of
    `prior` and all comparison weights; it is 0 where nothing was compared. `interaction_id` is the
    record that was compared with the interaction that the event is about; where the event is about
    two contacts, `against` is the record of the other one. `candidates` and `refusals` hold the first
    ten; `considered` and `refused` count them all.
    """

    rule: str
    model: str
    policy: str
    weight: int = 0
    prior: int = 0
    comparisons: tuple[ComparisonEvidence, ...] = ()
    interaction_id: InteractionId | None = None
    against: InteractionId | None = None
    identifiers: tuple[IdentifierId, ...] = ()
    candidates: tuple[CandidateEvidence, ...] = ()
    considered: int = 0
    refusals: tuple[RefusalEvidence, ...] = ()
    refused: int = 0
