"""The final clusters: which records are one person, whatever order they arrived in.

A decision on arrival cannot see what comes later. Here all records of a component are known, and the
result is a pure function of them: pairs are taken from the strongest to the weakest, ties by time and
name, and joined where every guard holds over the two groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct, field

from matchers.proposals import Node, Pair, Rule, order
from matchers.scoring import Scorer
from matchers.vocabulary import LinkRules

RANK: Mapping[Rule, int] = {
    "exact_exclusive": 0,
    "exact_strong": 1,
    "score": 1,
    "exact_weak": 2,
    "device": 3,
}
"""Which kind of pair is taken first; within one, the greater weight."""

ALONE = ("exact_weak", "device")
"""Rules whose value proves something only where it leads to one person."""

LASTING = ("exact_exclusive", "exact_strong")
"""Rules that show a lasting person: two records with one lasting identifier."""

COMPARED = 8
"""Records of a group, the first by name, that are compared with as many of another."""


class Refused(NamedTuple):
    """A pair that was strong enough and was not joined, and the guard that refused it."""

    pair: Pair
    guard: str


class Clusters(Struct):
    """The result: groups of keys, the pairs that joined them, and those that a guard refused.

    `lasting` are the pairs within a group that show a lasting person.
    """

    groups: list[tuple[int, ...]] = field(default_factory=list)
    joins: list[Pair] = field(default_factory=list)
    lasting: list[Pair] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def cluster(
    nodes: Mapping[int, Node],
    pairs: Iterable[Pair],
    apart: Collection[frozenset[str]],
    scorer: Scorer,
    rules: LinkRules,
    by_hand: Mapping[int, Sequence[int]] = MappingProxyType({}),
) -> Clusters:
    """Group nodes of one or more components.

    Args:
        nodes: by key.
        pairs: those that may be joined, in any order.
        apart: pairs of anchors that a person told apart.
        scorer, rules: those in force.
        by_hand: node of what people said of somebody -> the records they said it of. It goes where
            most of those are, and only then draws others to it.
    """
    return _Clustering(nodes, apart, scorer, rules, by_hand).run(pairs)


def home(
    keys: Sequence[int],
    nodes: Mapping[int, Node],
    group_of: Mapping[int, int],
    age_of: Callable[[int], tuple[int, str]],
) -> int:
    """Return the group where somebody with these nodes is at home: that of the earliest node which a
    person placed, else of most nodes, in a tie of the earliest.

    Args:
        keys: one or more.
        nodes, group_of: node and group of each key.
        age_of: what orders groups.
    """
    placed = [key for key in keys if nodes[key].anchor is not None]
    earliest = group_of[min(placed or keys, key=lambda key: order(nodes[key]))]
    votes = Counter(group_of[key] for key in keys)
    most = [group for group, count in votes.items() if count == max(votes.values())]
    return earliest if placed or earliest in most else min(most, key=age_of)


class _Clustering:
    """Groups that grow, and the checks that two of them have to pass to become one."""

    def __init__(
        self,
        nodes: Mapping[int, Node],
        apart: Collection[frozenset[str]],
        scorer: Scorer,
        rules: LinkRules,
        by_hand: Mapping[int, Sequence[int]],
    ) -> None:
        self._by_hand = by_hand
        self._nodes = nodes
        self._apart = apart
        self._scorer = scorer
        self._rules = rules
        self._group_of = {key: key for key in nodes}
        self._members: dict[int, list[Node]] = {key: [node] for key, node in nodes.items()}
        self._lasting = {key for key, node in nodes.items() if node.lasting}
        self._weights: dict[tuple[int, int], int] = {}

    def run(self, pairs: Iterable[Pair]) -> Clusters:
        found = Clusters()
        self._keep_anchored_together()
        taken = sorted(pairs, key=self._turn)
        users = self._users(taken)
        by_people = [pair for pair in taken if self._by_hand.keys() & {pair.one, pair.other}]
        late = set(by_people)
        self._take((pair for pair in taken if pair not in late), users, found)
        self._place_by_hand()
        self._take(by_people, users, found)
        found.groups = [
            tuple(node.key for node in sorted(members, key=order))
            for members in self._members.values()
        ]
        return found

    def _take(
        self, pairs: Iterable[Pair], users: Mapping[bytes, set[int]], found: Clusters
    ) -> None:
        for pair in pairs:
            a, b = self._group_of[pair.one], self._group_of[pair.other]
            guard = self._broken_guard(pair, a, b, users) if a != b else None
            if guard:
                found.refused.append(Refused(pair, guard))
                continue
            if a != b:
                self._join(a, b)
                found.joins.append(pair)
            if pair.rule in LASTING:
                self._lasting.add(self._group_of[pair.one])
                found.lasting.append(pair)

    def _place_by_hand(self) -> None:
        for key, records in self._by_hand.items():
            if records:
                group = home(records, self._nodes, self._group_of, self._age)
                if group != self._group_of[key]:
                    self._join(group, self._group_of[key])

    def _age(self, group: int) -> tuple[int, str]:
        return min(map(order, self._members[group]))

    def _turn(self, pair: Pair) -> tuple[object, ...]:
        one, other = self._nodes[pair.one], self._nodes[pair.other]
        silent = one.record is None and other.record is None
        place = one.time, other.time, one.name, other.name
        # Two pairs of the same nodes join the same groups; the value is the better reason to give.
        return RANK[pair.rule], -pair.weight, silent, *place, pair.rule == "score", pair.value

    def _keep_anchored_together(self) -> None:
        first: dict[str, int] = {}
        anchored = self._nodes.keys() - self._by_hand.keys()
        for key in sorted(anchored, key=lambda key: order(self._nodes[key])):
            anchor = self._nodes[key].anchor
            if anchor is not None:
                group = first.setdefault(anchor, key)
                if group != key:
                    self._join(self._group_of[group], self._group_of[key])

    def _users(self, pairs: Iterable[Pair]) -> dict[bytes, set[int]]:
        """Return the nodes that use each value whose pairs ask for a single user."""
        users: dict[bytes, set[int]] = {}
        for pair in pairs:
            if pair.rule in ALONE:
                users.setdefault(pair.value, set()).update((pair.one, pair.other))
        return users

    def _broken_guard(
        self, pair: Pair, a: int, b: int, users: Mapping[bytes, set[int]]
    ) -> str | None:
        ours, theirs = self._members[a], self._members[b]
        if self._told_apart(ours, theirs):
            return "told_apart"
        if _exclusive_conflict(ours, theirs):
            return "exclusive_conflict"
        if len(ours) + len(theirs) > self._rules.size_cap:
            return "size_cap"
        if pair.rule == "exact_exclusive":
            return None
        if pair.rule in ALONE and self._others_contradict((a, b), users[pair.value]):
            return "several_users"
        if pair.rule == "exact_weak" and {a, b} <= self._lasting:
            if not self._may_fuse(pair, ours, theirs):
                return "unverified"
        elif len(ours) > 1 < len(theirs) and not self._may_fuse(pair, ours, theirs):
            return "below_merge"
        if pair.rule == "score":
            return self._members_differ(self._cross(ours, theirs), self._rules.member_floor)
        return self._members_differ(self._spoken(ours, theirs), self._rules.contradiction)

    def _may_fuse(self, pair: Pair, ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
        """Tell whether two groups have enough in common: a weight over the higher threshold, or a
        common identifier with attributes that speak for one person. Records that say nothing are no
        second person. A device is never enough for two people."""
        if _says_nothing(ours) or _says_nothing(theirs):
            return pair.rule != "exact_weak"
        if pair.rule == "device":
            return False
        if max((pair.weight, *self._cross(ours, theirs))) >= self._rules.merge:
            return True
        spoken = self._spoken(ours, theirs) if pair.rule != "score" else []
        return max(spoken, default=0) >= self._rules.attributes_speak

    def _others_contradict(self, joined: tuple[int, int], users: set[int]) -> bool:
        """Tell whether a value that proves little leads to somebody else as well."""
        groups = {self._group_of[key] for key in users} - set(joined)
        members = [*self._members[joined[0]], *self._members[joined[1]]]
        return any(
            min(self._spoken(members, self._members[group]), default=0) < self._rules.contradiction
            or _exclusive_conflict(members, self._members[group])
            for group in groups
        )

    def _spoken(self, ours: Sequence[Node], theirs: Sequence[Node]) -> list[int]:
        """Return what the attributes of compared members say, given that they share an identifier.

        Members that have nothing in common to compare say nothing.
        """
        spoken = (
            self._scorer.corroboration(x.record, y.record)
            for x, y in _compared(ours, theirs)
            if x.record is not None and y.record is not None
        )
        return [said for said in spoken if said]

    def _members_differ(self, weights: Sequence[int], floor: int) -> str | None:
        above = sum(weight >= floor for weight in weights)
        return "members_differ" if above < self._rules.member_share * len(weights) else None

    def _cross(self, ours: Sequence[Node], theirs: Sequence[Node]) -> list[int]:
        """Return the weights of compared members of two groups, each pair weighed once."""
        weights = []
        for x, y in _compared(ours, theirs):
            if x.record is None or y.record is None:
                continue
            pair = (x.key, y.key) if x.key < y.key else (y.key, x.key)
            weight = self._weights.get(pair)
            if weight is None:
                weight = self._weights[pair] = self._scorer.weight(x.record, y.record)
            weights.append(weight)
        return weights

    def _told_apart(self, ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
        if not self._apart:
            return False
        a = {node.anchor for node in ours if node.anchor is not None}
        b = {node.anchor for node in theirs if node.anchor is not None}
        return any(frozenset((x, y)) in self._apart for x in a for y in b)

    def _join(self, a: int, b: int) -> None:
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        moved = self._members.pop(b)
        if b in self._lasting:
            self._lasting.add(a)
        for node in moved:
            self._group_of[node.key] = a
        self._members[a] += moved


def _exclusive_conflict(ours: Sequence[Node], theirs: Sequence[Node]) -> bool:
    held: dict[str, set[bytes]] = {}
    for node in ours:
        for type_, value in node.exclusive.items():
            held.setdefault(type_, set()).add(value)
    return any(
        value not in held[type_]
        for node in theirs
        for type_, value in node.exclusive.items()
        if type_ in held
    )


def _says_nothing(members: Sequence[Node]) -> bool:
    return all(node.record is None and not node.exclusive for node in members)


def _compared(ours: Sequence[Node], theirs: Sequence[Node]) -> Iterator[tuple[Node, Node]]:
    """Yield the member pairs that are compared: the first by name of each side that say something."""
    few, others = _first_by_name(ours), _first_by_name(theirs)
    for x in few:
        for y in others:
            yield x, y


def _first_by_name(members: Sequence[Node]) -> Sequence[Node]:
    if len(members) == 1:
        return members
    saying = [node for node in members if node.record is not None]
    return sorted(saying, key=lambda node: node.name)[:COMPARED]
