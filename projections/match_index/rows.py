"""The rows of the match index, and what changed in them."""

from dataclasses import dataclass, field

from aggregates.contact import ContactState
from aggregates.identifier import IdentifierState
from aggregates.values import ContactId, IdentifierId, InteractionId
from matchers.record import MatchRecord


@dataclass(slots=True)
class InteractionRow:
    """One interaction: its natural key, its present contact, and its match record.

    `number` is the row's own small number, which the postings use; it is negative while the row is
    not yet written. `record` is None where the interaction has nothing to compare. `key_id` names
    the data key that seals it.
    """

    number: int
    interaction_id: InteractionId
    natural_key: bytes
    content_digest: bytes
    key_id: int
    contact_id: ContactId | None = None
    record: MatchRecord | None = None
    block_keys: tuple[int, ...] = ()


@dataclass(slots=True)
class IdentifierRow:
    """One identifier stream: the digest that finds it, and its state after `version`."""

    digest: bytes
    identifier_id: IdentifierId
    version: int
    state: IdentifierState | None = None


@dataclass(slots=True)
class ContactRow:
    """One contact's state after `version` of its stream.

    `revision` counts every change, also the links and claims that lie in other streams.
    """

    contact_id: ContactId
    version: int
    revision: int
    state: ContactState


@dataclass(slots=True)
class IndexChanges:
    """What one batch changes in the index.

    `received` holds the new interactions in order, `relinked` the older ones that moved.
    """

    received: list[InteractionRow] = field(default_factory=list)
    relinked: list[InteractionRow] = field(default_factory=list)
    identifiers: list[IdentifierRow] = field(default_factory=list)
    contacts: list[ContactRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadSet:
    """What a batch read, so that the store can tell under its lock whether any of it moved.

    `head` is the last position at the time of reading and `last_number` the last interaction row: a
    posting above it is news. `rules` counts the activations of policy and model. The maps give the
    version of an identifier and the revision of a contact, 0 for what was not there.
    """

    head: int
    last_number: int
    rules: int
    identifiers: dict[bytes, int]
    contacts: dict[ContactId, int]
    links: dict[int, ContactId | None]
    natural_keys: frozenset[bytes]
    block_keys: frozenset[int]
