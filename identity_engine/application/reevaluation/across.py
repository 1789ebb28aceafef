"""Likeness over divisions: who of one division is like whom of another, where the policy asks (GX-12).

Block keys and digests of two divisions never meet, so each record is looked up under the secrets of the
other divisions. What is found joins nobody. For each two contacts it is a pure function of their records
and of the rules: whichever of them is evaluated last finds the same pairs, so the order of arrival
leaves no trace. Keys and values too many records stand under are passed over, on both sides alike.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from aggregates import across
from aggregates.across import EndAcross, FindAcross
from aggregates.identifier import ClaimPersonal, IdentifierClaimed, IdentifierTransferred
from aggregates.values import ContactId, Erased, IdentifierClass, IdentifierId
from identity_engine.adapters.clock import World
from identity_engine.application.fact_writer import FactWriter
from identity_engine.application.reevaluation.component import MOST_USES, Component, takes_part
from identity_engine.application.reevaluation.evidence import evidence_of
from identity_engine.application.reevaluation.moments import last_seen, time_of
from identity_engine.application.resolution.crowding import Crowding
from identity_engine.application.resolution.prepare import hashed_keys
from identity_engine.application.rules import Rules
from identity_engine.event_store.match_index.index_reader import IndexReader
from identity_engine.event_store.store import EventStore
from matchers.blocking import hash_key, keys_in_use
from matchers.proposals import FEW_USES, Pair, Rule, order, scored_pairs
from projections.match_index.mentions import value_key
from projections.match_index.rows import InteractionRow

PROVING = (IdentifierClass.EXCLUSIVE, IdentifierClass.STRONG)
"""Classes under which an equal value shows likeness by itself, where nothing contradicts it."""

Two = tuple[ContactId, ContactId]
"""Two contacts, the smaller id first."""


class AcrossDivisions:
    """What one step finds and takes back.

    Args:
        store: has the values of identifiers.
        world: the step's time.
        rules: those in force.
        reader: of the step; in its working set interactions are where they belong.
        component: whose contacts are looked at.
    """

    def __init__(
        self,
        store: EventStore,
        world: World,
        rules: Rules,
        reader: IndexReader,
        component: Component,
    ) -> None:
        self._store, self._world, self._rules = store, world, rules
        self._reader, self._index, self._digests = reader, reader.index, reader.digests
        self._component = component
        self._divisions = frozenset(rules.policy.across)
        self._common: dict[tuple[int, frozenset[str]], frozenset[str]] = {}

    def tell(self, fact_writer: FactWriter) -> int:
        """Write what was found and what is so no more, and return how many facts that took."""
        before, index = len(fact_writer.events), self._index
        found = self._strongest() if self._divisions else {}
        for two in sorted(self._known() - found.keys()):
            over = last_seen(self._reader, two)
            self._write(fact_writer, two, EndAcross(two[1]), over)
        for (one, other), pair in sorted(found.items()):
            rows = self._component.row(pair.one), self._component.row(pair.other)
            why = evidence_of(self._component.row, self._rules, index, pair, rows[0])
            time = max(map(time_of, rows))
            self._write(fact_writer, (one, other), FindAcross(other, why), time)
        return len(fact_writer.events) - before

    def _write(
        self, fact_writer: FactWriter, two: Two, command: FindAcross | EndAcross, time: datetime
    ) -> None:
        row = self._index.contacts[two[0]]
        fact = across.decide(row.state.across, row.state.division, command)
        if fact is not None:
            fact_writer.write(two[0], time, [fact])

    def _known(self) -> set[Two]:
        """Return who was found alike before, of the contacts of the component, and load them."""
        known = {
            _two(contact_id, other)
            for contact_id in self._component.contacts
            for other in self._found_of(contact_id)
        }
        ends = {end for two in known for end in two}
        self._reader.load_nearby((), ends)
        return known

    def _found_of(self, contact_id: ContactId) -> Iterable[ContactId]:
        state = self._index.contacts[contact_id].state.across
        return state.found if state is not None else ()

    def _strongest(self) -> dict[Two, Pair]:
        """Return the strongest pair of records of every two contacts that are alike."""
        ours = [
            row
            for row in map(self._component.row, sorted(self._component.nodes))
            if self._asks(row)
        ]
        best: dict[Two, Pair] = {}
        for pair in sorted({*self._by_likeness(ours), *self._by_value(ours)}, key=self._turn):
            one, other = (self._contact(self._component.row(end)) for end in (pair.one, pair.other))
            best.setdefault(_two(one, other), pair)
        self._reader.load_edges({end for two in best for end in two})
        apart = self._index.apart_at(self._world.now())
        return {two: pair for two, pair in best.items() if not self._is_denied(two, apart)}

    def _is_denied(self, two: Two, apart: Iterable[frozenset[ContactId]]) -> bool:
        """Tell whether a person said that the two are not alike, or of their identities that they are
        two people."""
        for one, other in (two, two[::-1]):
            said = self._index.contacts[one].state.across
            if said is not None and other in said.unlinked:
                return True
        ours, theirs = (self._index.members_of(end) for end in two)
        return any(pair & ours and pair & theirs for pair in apart)

    def _turn(self, pair: Pair) -> tuple[object, ...]:
        """Order pairs from the strongest, by nothing that hangs on who belongs to which contact."""
        one, other = (self._component.row(end) for end in (pair.one, pair.other))
        return -pair.weight, pair.rule, one.time, other.time, one.name, other.name, pair.value

    def _by_likeness(self, ours: Sequence[InteractionRow]) -> list[Pair]:
        """Weigh our records against those of other divisions that share a key with them."""
        keys = {
            (row.number, there): self._keys(row, there)
            for row in ours
            for there in self._others(row)
        }
        index, asked = self._index, {key for some in keys.values() for key in some}
        crowding = Crowding(self._reader, self._rules.policy.block_cap)
        # A further record that comes to stand there meanwhile will look us up in its turn.
        crowding.load(asked, may_grow=True)
        self._load({number for key in asked for number in index.numbers_under(key)})
        together = {
            (min(number, near), max(number, near))
            for (number, there), some in keys.items()
            for key in some
            for near in index.numbers_under(key)
            if self._share_a_key(number, near, there)
        }
        nodes = {
            number: self._component.node(self._component.row(number))
            for two in together
            for number in two
        }
        return list(
            scored_pairs(nodes, sorted(together), self._rules.scorer, self._rules.link_rules)
        )

    def _keys(self, row: InteractionRow, there: str) -> list[int]:
        """Return the keys under which a record would stand in another division and can be found."""
        secret, is_crowded = self._digests.block_secret(there), self._index.is_crowded
        return [key for key in hashed_keys(row.record, secret, is_crowded) if not is_crowded(key)]

    def _share_a_key(self, number: int, near: int, there: str) -> bool:
        """Tell whether two records share a key that is crowded in neither of their divisions, so that
        each of them finds the other."""
        one, other = self._component.row(number), self._index.interaction(near)
        if other is None or not self._asks(other) or self._division(other) != there:
            return False
        both = frozenset((self._division(one), there))
        return bool(self._common_keys(one, both) & self._common_keys(other, both))

    def _common_keys(self, row: InteractionRow, divisions: frozenset[str]) -> frozenset[str]:
        known = self._common.get((row.number, divisions))
        if known is None:
            known = frozenset(self._uncrowded(row, divisions))
            self._common[row.number, divisions] = known
        return known

    def _uncrowded(self, row: InteractionRow, divisions: frozenset[str]) -> Iterator[str]:
        secrets = [self._digests.block_secret(one) for one in divisions]

        def is_crowded(key: str) -> bool:
            return any(self._index.is_crowded(hash_key(key, secret)) for secret in secrets)

        if row.record is not None:
            in_use, _ = keys_in_use(row.record, is_crowded)
            yield from (key for key in in_use if not is_crowded(key))

    def _by_value(self, ours: Sequence[InteractionRow]) -> list[Pair]:
        """Pair our records with those of other divisions that gave the same proving value."""
        digests = {
            one.digest for row in ours for one in row.mentions if self._proves(row, one.digest)
        }
        there = self._elsewhere(digests)
        reader, index = self._reader, self._index
        away = {digest for some in there.values() for digest in some.values()}
        reader.load_identifiers(sorted(away - index.identifiers.keys()))
        keys = {value_key(digest) for digest in (*there, *away)}
        fresh = keys - index.keys_read()
        reader.load_postings(fresh, MOST_USES)
        index.reading.rely_on(fresh, may_grow=True)
        self._load({n for key in keys for n in index.numbers_under(key)[: MOST_USES + 1]})
        return [
            pair
            for digest, others in sorted(there.items())
            for division, other in sorted(others.items())
            for one in self._users(digest, None)
            if one.number in self._component.nodes
            for user in self._users(other, division)
            if (pair := self._exact(one, user, digest, other)) is not None
        ]

    def _elsewhere(self, digests: Iterable[bytes]) -> dict[bytes, dict[str, bytes]]:
        """Return, for values whose claims say what they are, their digests in the other divisions."""
        rows = {row.identifier_id: row for d in digests if (row := self._index.identifiers.get(d))}
        said: dict[bytes, tuple[str, ClaimPersonal]] = {}
        for event in self._store.read_streams(sorted(rows), cursor=self._reader.cursor):
            fact = event.fact
            if isinstance(fact, IdentifierClaimed | IdentifierTransferred) and not isinstance(
                fact.personal, Erased
            ):
                said[rows[IdentifierId(event.stream_id)].digest] = fact.division, fact.personal
        return {
            digest: {
                other: self._digests.identifier_key(other, one.family, one.scope, one.value)
                for other in self._divisions - {division}
            }
            for digest, (division, one) in said.items()
        }

    def _users(self, digest: bytes, division: str | None) -> list[InteractionRow]:
        """Return the first records that gave a value which proves something there; none where more gave
        it than one person would."""
        numbers = self._index.numbers_under(value_key(digest))
        if len(numbers) > MOST_USES:
            return []
        rows = (row for row in map(self._index.interaction, numbers) if row is not None)
        users = [
            row
            for row in rows
            if self._asks(row)
            and self._proves(row, digest)
            and division in (None, self._division(row))
        ]
        return sorted(users, key=lambda row: (row.time, row.name))[:FEW_USES]

    def _proves(self, row: InteractionRow, digest: bytes) -> bool:
        """Tell whether a value shows by itself who a record speaks of: somebody holds it, nobody shares
        it, nobody gave it up, and no person said that it misled."""
        known = self._index.identifiers.get(digest)
        state = known.state if known is not None else None
        if state is None or state.shared_by or state.ends() or state.corrections:
            return False
        given = (one for one in row.mentions if one.digest == digest)
        return any(self._component.class_of(one, row) in PROVING for one in given)

    def _exact(
        self, row: InteractionRow, user: InteractionRow, here: bytes, there: bytes
    ) -> Pair | None:
        first, second = sorted((self._component.node(row), self._component.node(user)), key=order)
        scorer, weight = self._rules.scorer, 0
        if first.record is not None and second.record is not None:
            spoken = scorer.corroboration(first.record, second.record)
            if spoken < self._rules.link_rules.contradiction:
                return None
            weight = scorer.weight(first.record, second.record)
        is_exclusive = here in self._component.node(row).exclusive.values() and (
            there in self._component.node(user).exclusive.values()
        )
        rule: Rule = "exact_exclusive" if is_exclusive else "exact_strong"
        return Pair(rule, weight, first.key, second.key, here)

    def _load(self, numbers: Iterable[int]) -> None:
        """Load records with their contacts, and those who are one with these."""
        wanted = set(numbers)
        self._reader.load_interactions(wanted)
        rows = (row for row in map(self._index.interaction, wanted) if row is not None)
        contacts = {row.contact_id for row in rows if row.contact_id is not None}
        self._reader.load_nearby((), contacts)

    def _asks(self, row: InteractionRow) -> bool:
        """Tell whether a record is looked at: it is that of somebody in a division that the policy
        names, and no person had to say whose it is."""
        return takes_part(row) and not row.corrected and self._division(row) in self._divisions

    def _others(self, row: InteractionRow) -> frozenset[str]:
        return self._divisions - {self._division(row)}

    def _division(self, row: InteractionRow) -> str:
        return self._index.contacts[self._contact(row)].state.division

    def _contact(self, row: InteractionRow) -> ContactId:
        assert row.contact_id is not None
        return row.contact_id


def _two(one: ContactId, other: ContactId) -> Two:
    return (one, other) if one < other else (other, one)
