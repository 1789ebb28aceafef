"""The revision of a contact after each of its events: its own history, replayed as the index counts."""

from collections.abc import Iterable, Iterator

from aggregates.contact import ContactFact, ContactState
from aggregates.identifier import IdentifierFact
from aggregates.values import ContactId, IdentifierId, Stage
from identity_engine.application.indexing import contacts_of
from projections.base import Recorded
from projections.match_index.index import MatchIndex
from projections.match_index.rows import ContactRow


def revisions(contact_id: ContactId, events: Iterable[Recorded]) -> Iterator[tuple[Recorded, int]]:
    """Yield each event that changed a contact's revision, with the revision after it.

    Args:
        contact_id: whose.
        events: all that made its identity what it is, in log order.
    """
    index = MatchIndex()
    for event in events:
        if not isinstance(event.fact, ContactFact | IdentifierFact):
            continue
        _make_room(index, event)
        before = _revision(index, contact_id)
        index.apply(event.stream_id, event.version, event.header.valid_from, event.fact)
        if _revision(index, contact_id) != before:
            yield event, _revision(index, contact_id)


def _revision(index: MatchIndex, contact_id: ContactId) -> int:
    row = index.contacts.get(contact_id)
    return row.revision if row is not None else 0


def _make_room(index: MatchIndex, event: Recorded) -> None:
    """Let the index know the identifier, and the contacts named whose own events are not among these:
    holders, and those alike in other divisions."""
    identifier_id, moment = IdentifierId(event.stream_id), event.header.valid_from
    if isinstance(event.fact, IdentifierFact) and index.identifier(identifier_id) is None:
        index.introduce(event.stream_id.encode(), identifier_id)
    others = {ContactId(one) for one in contacts_of(event.fact)} - index.contacts.keys()
    unknown = ContactState(Stage.EPHEMERAL, "", moment, moment)
    index.add_contacts(ContactRow(one, 0, 0, unknown, one) for one in sorted(others))
