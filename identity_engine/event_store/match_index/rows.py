"""Rows of the match index as SQLite gives them, and as the working set of a batch holds them."""

from datetime import datetime
from typing import Any

from aggregates.identity import Edge
from aggregates.values import ContactId, IdentifierId, InteractionId, MergeId
from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.match_index.states import unpack_contact, unpack_identifier
from matchers.record import MatchRecord
from projections.match_index.digests import DIGEST_BYTES
from projections.match_index.identities import moment_of
from projections.match_index.rows import ContactRow, IdentifierRow, InteractionRow

IDENTIFIER = "digest, identifier_id, version, state"
EDGE = "merge_id, one, other, stream, automatic, survivor, identifies"
CONTACT = "contact_id, version, touched, state, canonical, revision, key_id"
MERGED_UNDER = (
    "CASE WHEN canonical != contact_id OR EXISTS (SELECT 1 FROM contact AS member "
    "WHERE member.canonical = contact.contact_id AND member.canonical != member.contact_id) "
    "THEN canonical END"
)
"""Which id stands for the identity of a contact, NULL where it is the only member."""
INTERACTION = (
    "interaction.number, interaction.interaction_id, interaction.natural_key, "
    "interaction.content_digest, interaction.key_id, interaction.channel, interaction.time, "
    "interaction.division, interaction.contact_id, interaction.pinned, interaction.mentions, "
    "interaction.sealed, interaction.hidden"
)
NUMBER, INTERACTION_ID, KEY_ID, CONTACT_ID, SEALED = 0, 1, 4, 8, 11
CORRECTED = 2
"""What stands for `pinned` where a person took the interaction from another contact before."""


def identifier_row(row: tuple[Any, ...]) -> IdentifierRow:
    """Return an identifier from the columns `IDENTIFIER`."""
    digest, identifier_id, version, state = row
    return IdentifierRow(
        digest, IdentifierId(id_text(identifier_id)), version, unpack_identifier(state)
    )


def contact_row(row: tuple[Any, ...]) -> ContactRow:
    """Return a contact from the columns `CONTACT`."""
    contact_id, version, touched, state, canonical, revision, key_id = row
    return ContactRow(
        ContactId(id_text(contact_id)),
        version,
        touched,
        unpack_contact(state),
        ContactId(id_text(canonical)),
        revision,
        key_id,
    )


def edge(row: tuple[Any, ...]) -> Edge:
    """Return a merge edge from the columns `EDGE`."""
    merge_id, one, other, stream, automatic, survivor, identifies = row
    return Edge(
        MergeId(id_text(merge_id)),
        ContactId(id_text(one)),
        ContactId(id_text(other)),
        ContactId(id_text(stream)),
        bool(automatic),
        ContactId(id_text(survivor)) if survivor is not None else None,
        identifies=bool(identifies),
    )


def told_apart(row: tuple[Any, ...]) -> tuple[frozenset[ContactId], datetime | None]:
    """Return a pair that was told apart, and until when, from one, other, until."""
    one, other, until = row
    moment = moment_of(until) if until is not None else None
    return frozenset((ContactId(id_text(one)), ContactId(id_text(other)))), moment


def interaction_row(
    row: tuple[Any, ...], name: str = "", record: MatchRecord | None = None
) -> InteractionRow:
    """Return an interaction from the columns `INTERACTION` and what its sealed part holds."""
    number, interaction_id, natural_key, content_digest, key_id, channel, time, division, *rest = (
        row
    )
    contact_id, pinned, mentions, _, hidden = rest
    return InteractionRow(
        number,
        InteractionId(id_text(interaction_id)),
        natural_key,
        content_digest,
        key_id,
        channel,
        time,
        division,
        ContactId(id_text(contact_id)) if contact_id is not None else None,
        bool(pinned),
        pinned == CORRECTED,
        record,
        name,
        mentioned=mentions,
        hidden=bool(hidden),
    )


assert len(id_bytes("0" * 32)) == DIGEST_BYTES  # both travel packed by 16
