"""The rows of the match index, and what changed in them."""

from datetime import datetime

from msgspec import Struct, field

from aggregates.contact import ContactState
from aggregates.identifier import IdentifierState
from aggregates.identity import Edge
from aggregates.values import ContactId, IdentifierId, InteractionId
from matchers.record import MatchRecord
from projections.match_index.cases import CaseChanges
from projections.match_index.conversations import ConversationChanges
from projections.match_index.mentions import Mention, unpack_mentions


class Comparable(Struct, frozen=True):
    """What matching makes of an interaction.

    `name` orders interactions the same way whatever order they came in: it is what names one
    upstream, and as personal as its record. `block_keys` lead to the interactions worth comparing.
    """

    name: str
    record: MatchRecord | None = None
    block_keys: tuple[int, ...] = ()
    mentions: tuple[Mention, ...] = ()


BY_HAND = "by_hand"
"""The channel of what people said of a contact themselves."""


class InteractionRow(Struct):
    """One interaction: its natural key, its present contact, and what matching made of it.

    `number` is the row's own small number, which the postings use; it is negative while the row is
    not yet written. `record` is None where the interaction has nothing to compare. `key_id` names
    the data key that seals record and name. `time` is when it happened, microseconds since 1970.

    On the channel `BY_HAND` it is no interaction, but what people said of a contact, under the
    contact's own id.
    `division` is where it lies and what its keys are of: where it was received, until its contact moves.
    `hidden` tells that its contact is gone, so that nothing may be compared with it.
    `pinned`: a person linked or unlinked it; `corrected`: and had taken it from another contact.
    """

    number: int
    interaction_id: InteractionId
    natural_key: bytes
    content_digest: bytes
    key_id: int
    channel: str
    time: int
    division: str
    contact_id: ContactId | None = None
    pinned: bool = False
    corrected: bool = False
    record: MatchRecord | None = None
    name: str = ""
    block_keys: tuple[int, ...] = ()
    mentioned: tuple[Mention, ...] | bytes = ()
    """Its mentions; as they are stored until somebody asks, because most are loaded to be compared."""
    hidden: bool = False

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """The identifiers as it gave them."""
        if isinstance(self.mentioned, bytes):
            self.mentioned = unpack_mentions(self.mentioned)
        return self.mentioned

    @property
    def is_by_hand(self) -> bool:
        """Whether people said it, and no interaction."""
        return self.channel == BY_HAND


class IdentifierRow(Struct):
    """One identifier stream: the digest that finds it, and its state after `version`."""

    digest: bytes
    identifier_id: IdentifierId
    version: int
    state: IdentifierState | None = None


class ContactRow(Struct):
    """One contact's state after `version` of its stream.

    `touched` counts every change, also the links and claims that lie in other streams: it tells a
    writer that the row has moved. `canonical` is the id that stands for the identity it is a member
    of. `revision` is what a person's edit names: it counts changes of profile, identifiers, stage,
    division and merges, the same for all members of an identity. `key_id` names the data key of
    what was written by hand, 0 while there is none.
    """

    contact_id: ContactId
    version: int
    touched: int
    state: ContactState
    canonical: ContactId
    revision: int = 1
    key_id: int = 0


class Correction(Struct, frozen=True):
    """A stored row whose record was replaced, and the keys that it stands under no more."""

    row: InteractionRow
    gone: tuple[int, ...]


class LifeChanges(Struct):
    """What one batch changes in how long contacts stay.

    `waiting` is when a contact began to wait for something meaningful, microseconds since 1970, None
    where it never expires; `recounted` contacts are to be looked at again with all their
    interactions. `renewed` names channel and time of each new link,
    `messages` interactions that went on, and when. `hidden` tells of the contacts
    that went or came back which they did. `held` are contacts with identifiers that they hold or held.
    `settings` are the versions put in force, each with the channels that renew nobody, None where it
    was in force before.
    """

    waiting: dict[ContactId, int | None] = field(default_factory=dict)
    recounted: set[ContactId] = field(default_factory=set)
    renewed: list[tuple[ContactId, str, int]] = field(default_factory=list)
    messages: list[tuple[InteractionRow, int]] = field(default_factory=list)
    hidden: dict[ContactId, bool] = field(default_factory=dict)
    held: set[tuple[ContactId, IdentifierId]] = field(default_factory=set)
    settings: list[tuple[str, tuple[str, ...] | None]] = field(default_factory=list)


class IndexChanges(Struct):
    """What one batch changes in the index.

    `received` holds the new interactions in order, `relinked` the older ones that moved. Edges and
    pairs told apart, with until when, are those that came and went. `pending` numbers are to be
    evaluated again, `crowded` keys lead nowhere any more, and `reposted` rows stand under further
    keys. `corrected` rows have another record. `life` is what changes in how long contacts stay.
    """

    received: list[InteractionRow] = field(default_factory=list)
    relinked: list[InteractionRow] = field(default_factory=list)
    identifiers: list[IdentifierRow] = field(default_factory=list)
    contacts: list[ContactRow] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    edges_gone: list[Edge] = field(default_factory=list)
    apart: dict[frozenset[ContactId], datetime | None] = field(default_factory=dict)
    apart_gone: list[frozenset[ContactId]] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    all_pending: bool = False
    crowded: list[int] = field(default_factory=list)
    reposted: list[tuple[int, int]] = field(default_factory=list)
    life: LifeChanges = field(default_factory=LifeChanges)
    corrected: list[Correction] = field(default_factory=list)
    conversations: ConversationChanges = field(default_factory=ConversationChanges)
    cases: CaseChanges = field(default_factory=CaseChanges)


class ReadSet(Struct, frozen=True):
    """What a batch read, so that the store can tell under its lock whether any of it moved.

    `head` is the last position at the time of reading and `last_number` the last interaction row: a
    posting above it is news. `rules` counts the events of policy, model, settings and access,
    `last_waiting` numbers the last change that waits. The maps give the
    version of an identifier and how often a contact was touched, 0 for what was not there.
    `unknown_changes` were not there either. `room` says how many records may stand under a key that
    this batch posts under before it would have to be crowded.
    """

    head: int
    last_number: int
    rules: int
    identifiers: dict[bytes, int]
    contacts: dict[ContactId, int]
    links: dict[int, ContactId | None]
    natural_keys: frozenset[bytes]
    block_keys: frozenset[int]
    room: dict[int, int]
    last_waiting: int = 0
    unknown_changes: frozenset[bytes] = frozenset()
