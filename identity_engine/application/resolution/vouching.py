"""Claims are verified as long as somebody vouches for them (aggregates/verification.py).

Whoever gives an interaction to another contact, takes it back or lets it say something else settles the
claims that this touches.
"""

from collections.abc import Iterable, Iterator, Sequence

from aggregates.identifier import Holding
from aggregates.policy import Policy
from aggregates.values import ContactId, InteractionId
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from identity_engine.application.resolution.meaning import Meaning
from identity_engine.event_store.match_index.conversation_tables import load_hearers
from identity_engine.event_store.match_index.index_reader import IndexReader
from projections.match_index.conversations import Heard
from projections.match_index.rows import IdentifierRow, InteractionRow

Vouched = IdentifierVerified | IdentifierVerificationWithdrawn


class Vouching:
    """Says which claims are verified no longer, and which are now.

    Args:
        reader: loads who vouched; the links in its working set are those that hold from now on.
        policy: the one in force, which says what a mention means.
    """

    def __init__(self, reader: IndexReader, policy: Policy) -> None:
        self._reader, self._index = reader, reader.index
        self._meaning = Meaning(reader.digests, policy)
        self._heard: dict[tuple[InteractionId, bytes], Heard] = {}

    def settle(
        self,
        claims: Iterable[tuple[ContactId, bytes]],
        *,
        again: InteractionId | None = None,
    ) -> Iterator[tuple[IdentifierRow, Vouched]]:
        """Yield a fact for each claim that is verified no longer, or now, or by another interaction.

        Each is to be written before the next one is asked for.

        Args:
            claims: contact and digest of a value, both loaded, with the interactions of the contact that
                mention the value.
            again: an interaction that says something else than before: what it showed earlier is gone.
        """
        touched = [
            (one, row) for one, digest in dict.fromkeys(claims) if (row := self._row(digest))
        ]
        self._load_vouchers(touched)
        self._load_heard([row.digest for _, row in touched])
        for contact_id, row in touched:
            for by in self._vouchers(contact_id, row):
                if not self._vouches(by, contact_id, row, again):
                    yield (
                        row,
                        IdentifierVerificationWithdrawn(
                            contact_id=contact_id,
                            interaction_id=by,
                            still_by=self._first(contact_id, row),
                        ),
                    )
            if any(held.valid_to is None and not held.verified for held in _of(contact_id, row)):
                voucher = self._first(contact_id, row)
                if voucher is not None:
                    yield row, IdentifierVerified(contact_id=contact_id, interaction_id=voucher)

    def _row(self, digest: bytes) -> IdentifierRow | None:
        row = self._index.identifiers.get(digest)
        return row if row is not None and row.state is not None else None

    def _load_heard(self, digests: Sequence[bytes]) -> None:
        """Load which interactions showed these values in their messages."""
        told = (
            *load_hearers(self._reader.cursor, digests),
            *self._index.conversations.just_heard(),
        )
        for one in told:
            place = one.interaction_id, one.digest
            self._heard[place] = self._heard.get(place, one).together_with(one)

    def _load_vouchers(self, touched: Iterable[tuple[ContactId, IdentifierRow]]) -> None:
        vouchers = {by for contact_id, row in touched for by in self._vouchers(contact_id, row)}
        unknown = [by for by in vouchers if self._index.interaction_by_id(by) is None]
        if unknown:
            self._reader.load_linked(unknown)

    def _vouchers(self, contact_id: ContactId, row: IdentifierRow) -> list[InteractionId]:
        held = _of(contact_id, row)
        return list(dict.fromkeys(one.verified_by for one in held if one.verified_by is not None))

    def _vouches(
        self,
        by: InteractionId,
        contact_id: ContactId,
        row: IdentifierRow,
        again: InteractionId | None,
    ) -> bool:
        interaction = self._index.interaction_by_id(by)
        if interaction is None or interaction.contact_id != contact_id:
            return False
        return by != again or self._says_so(interaction, row)

    def _first(self, contact_id: ContactId, row: IdentifierRow) -> InteractionId | None:
        """Return the earliest interaction of a contact that shows that a value is the contact's."""
        rows = (one for one in self._index.interactions_of(contact_id) if not one.is_by_hand)
        showing = [one for one in rows if self._says_so(one, row)]
        first = min(showing, key=lambda one: (one.time, one.name), default=None)
        return first.interaction_id if first is not None else None

    def _says_so(self, interaction: InteractionRow, row: IdentifierRow) -> bool:
        heard = self._heard.get((interaction.interaction_id, row.digest))
        return (heard is not None and self._meaning.shows(heard, interaction)) or any(
            one.digest == row.digest and self._meaning.is_verified(one, interaction)
            for one in interaction.mentions
        )


def _of(contact_id: ContactId, row: IdentifierRow) -> list[Holding]:
    assert row.state is not None
    return [held for held in row.state.holdings if held.contact_id == contact_id]
