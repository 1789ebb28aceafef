"""What happens to an interaction after it was published: the conversation goes on.

Each change names its interaction and has a name of its own upstream, so that a resend changes nothing.
One that comes before its interaction waits under the id that the interaction will have.
"""

from typing import ClassVar, Literal

from msgspec import field

from aggregates.interaction import Direction, GivenIdentifier
from aggregates.values import ContactId, Erased, Fact, InteractionId, Stored

ChangeKind = Literal[
    "accepted",
    "message",
    "transferred",
    "unassigned",
    "ended",
    "wrapped_up",
    "corrected",
    "retracted",
]


class Change(Stored, frozen=True, kw_only=True):
    """What changed, as far as it is not personal.

    `natural_key` is the keyed digest of the change's own (source, id), `content_digest` that of its
    content. Agents and queues are opaque ids: `agent` is who accepted, gave up or wrapped up, in a
    transfer who gave it away, to `to_agent` or `to_queue`. `direction` is that of a message.
    """

    kind: ChangeKind
    natural_key: str
    content_digest: str
    agent: str | None = None
    to_agent: str | None = None
    to_queue: str | None = None
    direction: Direction | None = None


class ChangePersonal(Stored, frozen=True, kw_only=True):
    """What a change says about the person, and its natural key.

    Of a message: what was said in it besides what the interaction says. Of a correction: what stands
    in place of the publisher's identifiers and profile from now on.
    """

    source: str
    id: str
    identifiers: tuple[GivenIdentifier, ...] = ()
    profile: dict[str, str] = field(default_factory=dict)
    attributes: str | None = None
    mail: str | None = None
    reason: str | None = None


class InteractionChanged(Fact, frozen=True, kw_only=True):
    """The interaction went on. `contact_id` is the member contact that it was linked to then.

    `division` is that of the interaction, where the change concerns matching.
    """

    TOPIC: ClassVar[str] = "interaction.changed"

    change: Change
    contact_id: ContactId | None = None
    division: str | None = None
    personal: ChangePersonal | Erased


class AwaitedPersonal(Stored, frozen=True, kw_only=True):
    """What names the interaction that is waited for, and what the change says."""

    source: str
    id: str
    said: ChangePersonal


class InteractionChangeDeferred(Fact, frozen=True, kw_only=True):
    """A change came before its interaction and waits for it, in a stream of its own.

    `interaction_key` is the keyed digest of what names the interaction upstream; `interaction_id` the
    id that it will have. What is personal is sealed under the key that the interaction will have.
    """

    TOPIC: ClassVar[str] = "interaction.change_deferred"

    interaction_key: str
    interaction_id: InteractionId
    change: Change
    personal: AwaitedPersonal | Erased


ChangeFact = InteractionChanged | InteractionChangeDeferred
