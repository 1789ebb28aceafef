"""Who is one with a contact, as the events of its merges are told one after the other."""

from collections.abc import Iterable, Iterator

from aggregates.contact import ContactMerged, ContactUnmerged
from aggregates.identity import Edge, components, edges_of
from aggregates.values import ContactId
from projections.base import Recorded


class Members:
    """The members of the identity of one contact.

    Args:
        contact_id: whose.
    """

    def __init__(self, contact_id: ContactId) -> None:
        self._contact_id = contact_id
        self._edges: dict[tuple[str, str, str], Edge] = {}
        self.now = frozenset({contact_id})
        """Those by the last event that was taken."""

    def take(self, event: Recorded) -> None:
        """Let an event change who they are."""
        match event.fact:
            case ContactMerged() as fact:
                for edge in edges_of(fact, ContactId(event.stream_id)):
                    self._edges[edge.merge_id, edge.one, edge.other] = edge
            case ContactUnmerged(merge_id=merge_id, edges=edges):
                for gone in edges:
                    self._edges.pop((merge_id, gone.one, gone.other), None)
            case _:
                return
        (self.now,) = components([self._contact_id], self._edges.values())


def stretches(
    contact_id: ContactId, events: Iterable[Recorded]
) -> Iterator[tuple[list[Recorded], frozenset[ContactId]]]:
    """Yield the events up to each that parted a member from a contact, with the members until then; and
    those up to the last event, with the members by it.

    Args:
        contact_id: whose members.
        events: all that are known of them, in log order.
    """
    members, passed = Members(contact_id), list[Recorded]()
    for event in events:
        before = members.now
        members.take(event)
        passed.append(event)
        if before - members.now:
            yield passed, before
            passed = []
    yield passed, members.now
