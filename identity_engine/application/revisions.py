"""Which events raised the revision of a contact: its own history, replayed as the index counts it."""

from collections.abc import Iterable

from aggregates.contact import ContactFact, ContactState
from aggregates.identifier import IdentifierFact
from aggregates.values import ContactId, IdentifierId, Stage
from identity_engine.application.indexing import contacts_of
from projections.base import Recorded
from projections.match_index.index import MatchIndex
from projections.match_index.rows import ContactRow


def positions_since(
    contact_id: ContactId, events: Iterable[Recorded], revision: int
) -> tuple[int, ...]:
    """Return the positions of the events that raised a contact's revision above `revision`.

    Args:
        contact_id: whose.
        events: all that made its identity what it is, in log order.
        revision: the last one that is known.
    """
    index, raised = MatchIndex(), []
    for event in events:
        if not isinstance(event.fact, ContactFact | IdentifierFact):
            continue
        if isinstance(event.fact, IdentifierFact):
            _make_room(index, event)
        before = _revision(index, contact_id)
        index.apply(event.stream_id, event.version, event.header.valid_from, event.fact)
        if revision < _revision(index, contact_id) != before:
            raised.append(event.position)
    return tuple(raised)


def _revision(index: MatchIndex, contact_id: ContactId) -> int:
    row = index.contacts.get(contact_id)
    return row.revision if row is not None else 0


def _make_room(index: MatchIndex, event: Recorded) -> None:
    """Let the index know the identifier, and the holders whose own events are not among these."""
    identifier_id, moment = IdentifierId(event.stream_id), event.header.valid_from
    if index.identifier(identifier_id) is None:
        index.introduce(event.stream_id.encode(), identifier_id)
    others = {ContactId(one) for one in contacts_of(event.fact)} - index.contacts.keys()
    unknown = ContactState(Stage.EPHEMERAL, "", moment, moment)
    index.add_contacts(ContactRow(one, 0, 0, unknown, one) for one in sorted(others))
