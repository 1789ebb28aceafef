"""The working set of one batch: the rows it loaded, and all that its own events change in them.

A decision reads here, its events are applied here at once, and so the next decision of the batch sees
them. The same `apply` rebuilds the whole index from the log.
"""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import chain
from typing import get_args

from aggregates import contact as contacts
from aggregates.case_facts import CaseFact
from aggregates.change import InteractionChanged, InteractionChangeDeferred
from aggregates.identifier import IdentifierClaimed, IdentifierFact
from aggregates.interaction import InteractionLinked, InteractionReceived, InteractionUnlinked
from aggregates.notes import NoteFact
from aggregates.policy import PolicyActivated, ReevaluationRequested
from aggregates.review import InteractionReviewDecided, InteractionReviewUndone
from aggregates.settings import Settings
from aggregates.values import CaseId, ContactId, Fact, IdentifierId, InteractionId
from aggregates.verification import IdentifierVerified
from projections.match_index.cases import CaseBook
from projections.match_index.conversations import Conversations, Heard
from projections.match_index.identifiers import Identifiers
from projections.match_index.identities import microseconds
from projections.match_index.mentions import Mention, mention_key
from projections.match_index.postings import Postings
from projections.match_index.reading import Reading, room
from projections.match_index.rows import (
    BY_HAND,
    Comparable,
    Correction,
    IndexChanges,
    InteractionRow,
    ReadSet,
)

# As sets of exact types, because a union asks each of its members in turn, and this asks every event.
IDENTIFIER_FACTS: frozenset[type[Fact]] = frozenset(get_args(IdentifierFact))
CONTACT_FACTS: frozenset[type[Fact]] = frozenset(get_args(contacts.ContactFact | NoteFact))


class MatchIndex(Identifiers, Postings):
    """Rows by every key that a decision asks for. `head` and `last_number` are those of the read."""

    def __init__(
        self,
        head: int = 0,
        last_number: int = 0,
        rules: int = 0,
        crowded: AbstractSet[int] = frozenset(),
        last_waiting: int = 0,
    ) -> None:
        Identifiers.__init__(self)
        Postings.__init__(self, crowded)
        self.head, self.last_number, self.rules = head, last_number, rules
        self.conversations = Conversations(last_waiting)
        self._by_natural_key: dict[bytes, InteractionRow] = {}
        self._by_id: dict[InteractionId, InteractionRow] = {}
        self._by_number: dict[int, InteractionRow] = {}
        self._of_contact: defaultdict[ContactId, list[InteractionRow]] = defaultdict(list)
        self._received: list[InteractionRow] = []
        self._relinked: dict[InteractionId, InteractionRow] = {}
        self._corrected: dict[InteractionId, Correction] = {}
        self.reading = Reading()
        self._with_members: set[ContactId] = set()
        self._pending: set[int] = set()
        self._all_pending = False
        self.cases = CaseBook()

    # What was read from the store

    def add_natural_keys(self, asked: Iterable[bytes], rows: Iterable[InteractionRow]) -> None:
        """Take in the interactions that the store knows among the natural keys asked for."""
        self.reading.natural_keys.update(asked)
        for row in rows:
            self._by_natural_key[row.natural_key] = row

    def add_postings(self, postings: dict[int, list[int]]) -> None:
        """Take in the numbers of the interactions under each block key asked for."""
        self.reading.block_keys.update(postings)
        for key, numbers in postings.items():
            # What the batch itself has put there stands behind what is stored.
            self._postings[key] = [*numbers, *self._postings.get(key, ())]

    def begin_keys(self, block_keys: AbstractSet[int]) -> None:
        """Take in keys under which nobody can stand yet: what they refine was not crowded."""
        self.add_postings({key: [] for key in block_keys})
        self.reading.rely_on(block_keys, may_grow=True)

    def add_interactions(self, rows: Iterable[InteractionRow]) -> None:
        """Take in interactions with their match records."""
        for row in rows:
            if row.number not in self._by_number:
                self.reading.links[row.number] = row.contact_id
                self._place_interaction(row)

    def without_members(self, contact_ids: Iterable[ContactId]) -> list[ContactId]:
        """Return those stored contacts whose newest records were not asked for, and note them."""
        fresh = [
            one
            for one in contact_ids
            if one not in self._with_members
            and (one in self._read_contacts or one not in self.contacts)
        ]
        self._with_members.update(fresh)
        return fresh

    # What a decision asks

    def known(self, natural_key: bytes) -> InteractionRow | None:
        """Return the interaction that was received under this natural key."""
        return self._by_natural_key.get(natural_key)

    def contacts_of_known(self) -> set[ContactId]:
        """Return the contacts of the interactions that were received before."""
        rows = self._by_natural_key.values()
        return {row.contact_id for row in rows if row.contact_id is not None}

    def keys_read(self) -> set[int]:
        """Return the keys whose numbers are loaded."""
        return self.reading.block_keys

    def interaction(self, number: int) -> InteractionRow | None:
        """Return a loaded interaction by its number."""
        return self._by_number.get(number)

    def interactions(self, numbers: Iterable[int]) -> list[InteractionRow]:
        """Return those of some interactions that are loaded, in the order of their numbers given."""
        loaded = self._by_number
        return [loaded[number] for number in numbers if number in loaded]

    def interactions_of(self, contact_id: ContactId) -> list[InteractionRow]:
        """Return the loaded interactions that are linked to a contact."""
        return self._of_contact.get(contact_id, [])

    def interaction_by_id(self, interaction_id: InteractionId) -> InteractionRow | None:
        """Return a loaded interaction by its id."""
        return self._by_id.get(interaction_id)

    def linked(self, interaction_id: InteractionId) -> ContactId | None:
        """Return the contact of a loaded interaction."""
        row = self._by_id.get(interaction_id)
        return row.contact_id if row is not None else None

    def read_set(self) -> ReadSet:
        """Return what was read, for the check under the write lock."""
        own = (key for row in self._received for key in set(row.block_keys))
        posted = chain(own, (key for key, _ in self._reposted))
        return ReadSet(
            self.head,
            self.last_number,
            self.rules,
            dict(self._read_identifiers),
            self.reading.contacts_relied_on(self._read_contacts, self._changed_contacts),
            self.reading.links_relied_on(),
            frozenset(self.reading.natural_keys),
            self.reading.relied_on(),
            room(self.block_cap, posted, self._crowded),
            self.conversations.last_waiting,
            self.conversations.unknown_changes(),
        )

    # What an event changes

    def receive(
        self,
        interaction_id: InteractionId,
        fact: InteractionReceived,
        key_id: int,
        time: datetime,
        comparable: Comparable,
    ) -> InteractionRow:
        """Take in a received interaction together with what matching made of it."""
        row = InteractionRow(
            number=-1 - len(self._received),
            interaction_id=interaction_id,
            natural_key=bytes.fromhex(fact.natural_key),
            content_digest=bytes.fromhex(fact.content_digest),
            key_id=key_id,
            channel=fact.channel,
            time=microseconds(time),
            division=fact.division,
            record=comparable.record,
            name=comparable.name,
            block_keys=comparable.block_keys,
            mentioned=comparable.mentions,
        )
        return self._take_in(row)

    def correct(
        self, row: InteractionRow, comparable: Comparable, stood_under: Iterable[int]
    ) -> None:
        """Let a row say something else from now on.

        Args:
            row: an interaction whose old keys, `stood_under`, and new keys are loaded.
            comparable: what matching makes of it now; its name stays.
        """
        gone = (*stood_under, *map(mention_key, row.mentions))
        self.withdraw(row.number, gone)
        row.record, row.mentioned = comparable.record, comparable.mentions
        row.block_keys = comparable.block_keys
        for key in (*row.block_keys, *map(mention_key, row.mentions)):
            self.stand(row.number, key)
        if row.number > 0:
            before = self._corrected.get(row.interaction_id)
            earlier = before.gone if before is not None else ()
            self._corrected[row.interaction_id] = Correction(row, (*earlier, *gone))
            self.evaluate_again([row.number])

    def hear(
        self,
        interaction_id: InteractionId,
        contact_id: ContactId,
        mentions: Iterable[Mention],
        moment: datetime,
    ) -> None:
        """Note what a message gives besides its interaction, of that what the contact holds already;
        what it comes to hold by the message is noted with its claim."""
        own = {one.digest for one in self._by_id[interaction_id].mentions}
        for one in mentions:
            if one.digest not in own and self.holds(contact_id, one.digest, moment):
                kind = one.kind if one.said is None else b""
                self.conversations.hear(Heard(interaction_id, one.digest, one.said is True, kind))

    def receive_by_hand(
        self,
        contact_id: ContactId,
        natural_key: bytes,
        key_id: int,
        time: int,
        division: str,
        comparable: Comparable,
    ) -> InteractionRow:
        """Take in what people say of a contact; `correct` follows what they say later."""
        row = InteractionRow(
            number=-1 - len(self._received),
            interaction_id=InteractionId(contact_id),
            natural_key=natural_key,
            content_digest=natural_key,
            key_id=key_id,
            channel=BY_HAND,
            time=time,
            division=division,
            contact_id=contact_id,
            pinned=True,
            record=comparable.record,
            name=comparable.name,
            block_keys=comparable.block_keys,
            mentioned=comparable.mentions,
        )
        return self._take_in(row)

    def apply(self, stream_id: str, version: int, valid_from: datetime, fact: Fact) -> None:
        """Let an event change the rows. Facts the index does not follow change nothing."""
        kind, self.versions[stream_id] = type(fact), version
        if kind in IDENTIFIER_FACTS:
            self._change_identifier(IdentifierId(stream_id), version, valid_from, fact)
        elif kind in CONTACT_FACTS:
            self._change_contact(ContactId(stream_id), version, valid_from, fact)
            self._change_identity(ContactId(stream_id), fact)
        else:
            self._change_interaction(stream_id, valid_from, fact)

    def _change_interaction(self, stream_id: str, valid_from: datetime, fact: Fact) -> None:
        """Let an event change what else there is: interactions, cases, and the rules they are under."""
        match fact:
            case InteractionLinked(contact_id=contact_id, pinned=pinned):
                self._link(InteractionId(stream_id), contact_id, valid_from, pinned=pinned)
            case InteractionUnlinked(pinned=pinned):
                self._link(InteractionId(stream_id), None, valid_from, pinned=pinned)
            case InteractionReviewDecided(decision="rejected"):
                self._pin(InteractionId(stream_id), pinned=True)
            case InteractionReviewUndone(decision="rejected"):
                self._pin(InteractionId(stream_id), pinned=False)
            case InteractionChanged():
                self.conversations.note(InteractionId(stream_id), fact)
                if fact.change.kind == "message":
                    self._renew(InteractionId(stream_id), valid_from)
            case InteractionChangeDeferred():
                self.conversations.defer(stream_id, fact)
            case ReevaluationRequested(interaction_ids=None):
                self._all_pending = True
            case ReevaluationRequested(interaction_ids=wanted):
                rows = map(self._by_id.get, wanted or ())
                self.evaluate_again(row.number for row in rows if row is not None)
            case PolicyActivated(kind="settings", version=settings, content=content):
                known = None if content is None else Settings.model_validate_json(content)
                channels = known.retention.not_meaningful if known is not None else None
                self.life.settings.append((settings, channels))
            case _ if isinstance(fact, CaseFact):
                self.cases.apply(CaseId(stream_id), fact)

    def seal(self, subject: str, key_id: int) -> None:
        """Note the data key of what was written about a contact by hand, about a case, or what waits."""
        super().seal(subject, key_id)
        self.cases.seal(subject, key_id)
        self.conversations.seal(subject, key_id)

    def evaluate_again(self, numbers: Iterable[int]) -> None:
        """Note stored interactions whose final contact may have changed."""
        self._pending.update(number for number in numbers if number > 0)

    def changes(self) -> IndexChanges:
        """Return all changed rows, in the order of their keys, so that writes stay local."""
        return IndexChanges(
            received=self._received,
            relinked=list(self._relinked.values()),
            identifiers=[row for _, row in sorted(self._changed_identifiers.items())],
            contacts=[row for _, row in sorted(self._changed_contacts.items())],
            edges=sorted(self.edges - self._stored_edges),
            edges_gone=sorted(self._stored_edges - self.edges),
            apart={
                pair: self.apart[pair]
                for pair in sorted(self.apart, key=sorted)
                if pair not in self._stored_apart or self._stored_apart[pair] != self.apart[pair]
            },
            apart_gone=sorted(self._stored_apart.keys() - self.apart.keys(), key=sorted),
            pending=sorted(self._pending),
            all_pending=self._all_pending,
            crowded=list(self._crowded_here),
            reposted=self._reposted,
            life=self.life,
            cases=self.cases.changes(),
            corrected=list(self._corrected.values()),
            conversations=self.conversations.changes(),
        )

    def _link(
        self,
        interaction_id: InteractionId,
        contact_id: ContactId | None,
        time: datetime,
        *,
        pinned: bool,
    ) -> None:
        row = self._by_id[interaction_id]
        if row.contact_id is not None:
            if row in self._of_contact[row.contact_id]:
                self._of_contact[row.contact_id].remove(row)
            self._revise(row.contact_id, contacts.unlinked)
            self.life.recounted.add(row.contact_id)
        row.corrected = pinned and row.contact_id is None and row.pinned
        row.contact_id, row.pinned = contact_id, pinned
        row.hidden = contact_id is not None and not self.is_live(contact_id)
        if contact_id is not None:
            self._of_contact[contact_id].append(row)
            self._revise(contact_id, lambda state: contacts.linked(state, time))
            if row.number > 0:  # with all that was said in it since it came
                self.life.recounted.add(contact_id)
            self.life.renewed.append((contact_id, row.channel, row.time))
        if row.number > 0:
            self._relinked[interaction_id] = row

    def _pin(self, interaction_id: InteractionId, *, pinned: bool) -> None:
        row = self._by_id[interaction_id]
        row.pinned = pinned
        self._relinked[interaction_id] = row

    def _renew(self, interaction_id: InteractionId, time: datetime) -> None:
        row = self._by_id.get(interaction_id)
        if row is not None:
            self.life.messages.append((row, microseconds(time)))

    def _hide(self, contact_id: ContactId, *, hidden: bool) -> None:
        super()._hide(contact_id, hidden=hidden)
        for row in self._of_contact[contact_id]:
            row.hidden = hidden

    def _change_identifier(
        self, identifier_id: IdentifierId, version: int, valid_from: datetime, fact: Fact
    ) -> None:
        super()._change_identifier(identifier_id, version, valid_from, fact)
        row = self.identifier(identifier_id)
        if row is None or not isinstance(fact, IdentifierClaimed | IdentifierVerified):
            return
        source = self._by_id.get(fact.interaction_id) if fact.interaction_id is not None else None
        if source is not None and all(one.digest != row.digest for one in source.mentions):
            verified = isinstance(fact, IdentifierVerified) or fact.verified
            self.conversations.hear(Heard(source.interaction_id, row.digest, verified))

    def _take_in(self, row: InteractionRow) -> InteractionRow:
        self._received.append(row)
        self._by_natural_key[row.natural_key] = row
        self._place_interaction(row)
        for key in (*row.block_keys, *map(mention_key, row.mentions)):
            self._postings[key].append(row.number)
        self.posted += 1
        return row

    def _place_interaction(self, row: InteractionRow) -> None:
        self._by_number[row.number] = row
        self._by_id[row.interaction_id] = row
        if row.contact_id is not None:
            self._of_contact[row.contact_id].append(row)
