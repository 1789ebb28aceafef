"""A contact that moves to another division takes its interactions along: they stand under the keys of
the new one from then on, because the keys of two divisions never meet."""

from collections import defaultdict

from aggregates.division import ContactMoved
from aggregates.interaction import InteractionPersonal
from aggregates.values import ContactId, Erased, Fact
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import comparable
from identity_engine.application.resolution.statements import said_by
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from projections.sql import Cursor


def rekey(
    store: EventStore,
    reader: IndexReader,
    crowding: Crowding,
    contact_id: ContactId,
    moved: ContactMoved,
    until: int | None = None,
) -> None:
    """Put the interactions of a contact under the keys of the division that it moved to.

    Args:
        store: the log.
        reader: of the transaction; in its working set the contact has moved.
        crowding: watches the keys.
        contact_id: the member contact.
        moved: the move.
        until: in a replay, its position: what interactions said later is not known yet.
    """
    reader.load_all_of([contact_id])
    # What people said of the contact is a record of its own, which is made anew with the move.
    told = [row for row in reader.index.interactions_of(contact_id) if not row.is_by_hand]
    rows = sorted(told, key=lambda row: row.interaction_id)
    said = _said(store, reader.cursor, [row.interaction_id for row in rows], until)
    for row in rows:
        personal = said[row.interaction_id]
        made = comparable(personal, moved.division, reader.digests, reader.index.is_crowded)
        crowding.replace(row, made, moved.division)


def _said(
    store: EventStore, cursor: Cursor, interaction_ids: list[str], until: int | None
) -> dict[str, InteractionPersonal | Erased]:
    facts: defaultdict[str, list[Fact]] = defaultdict(list)
    for event in store.read_streams(interaction_ids, cursor=cursor):
        if until is None or event.position < until:
            facts[event.stream_id].append(event.fact)
    return {interaction_id: said_by(told) for interaction_id, told in facts.items()}
