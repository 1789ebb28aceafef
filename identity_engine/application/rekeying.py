"""A contact that moves to another division takes its interactions along: they stand under the keys of
the new one from then on, because the keys of two divisions never meet."""

from collections import defaultdict

from aggregates.division import ContactMoved
from aggregates.interaction import InteractionPersonal
from aggregates.values import ContactId, Erased, Fact
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import comparable
from identity_engine.application.resolution.statements import said_by
from identity_engine.event_store.store import EventStore
from projections.match_index.index import MatchIndex
from projections.sql import Cursor


def rekey(
    store: EventStore,
    cursor: Cursor,
    index: MatchIndex,
    crowding: Crowding,
    contact_id: ContactId,
    moved: ContactMoved,
    until: int | None = None,
) -> None:
    """Put the interactions of a contact under the keys of the division that it moved to.

    Args:
        store: the log.
        cursor: an open transaction.
        index: the working set, in which the contact has moved.
        crowding: watches the keys.
        contact_id: the member contact.
        moved: the move.
        until: in a replay, its position: what interactions said later is not known yet.
    """
    store.index.load_all_of(cursor, index, [contact_id])
    # What people said of the contact is a record of its own, which is made anew with the move.
    told = [row for row in index.interactions_of(contact_id) if not row.is_by_hand]
    rows = sorted(told, key=lambda row: row.interaction_id)
    said = _said(store, cursor, [row.interaction_id for row in rows], until)
    for row in rows:
        made = comparable(said[row.interaction_id], moved.division, store.digests, index.is_crowded)
        crowding.replace(row, made, moved.division)


def _said(
    store: EventStore, cursor: Cursor, interaction_ids: list[str], until: int | None
) -> dict[str, InteractionPersonal | Erased]:
    facts: defaultdict[str, list[Fact]] = defaultdict(list)
    for event in store.read_streams(interaction_ids, cursor=cursor):
        if until is None or event.position < until:
            facts[event.stream_id].append(event.fact)
    return {interaction_id: said_by(told) for interaction_id, told in facts.items()}
