"""The final clusters: which records are one person, whatever order they arrived in.

A decision on arrival cannot see what comes later. Here all records of a component are known, and the
result is a pure function of them: pairs are taken from the strongest to the weakest, ties by time and
name, and joined where every guard holds over the two groups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from matchers.guards import (
    IDENTIFIER_ONLY,
    NAME_ONLY,
    contradict,
    reach_elsewhere,
    rests_on,
    rests_on_household,
    share_identifier,
    speaks_for_person,
)
from matchers.record import MatchRecord
from matchers.scoring import Scorer
from matchers.vocabulary import LinkRules

Rule = Literal["exact_exclusive", "exact_strong", "score", "exact_weak", "device"]
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

FEW_USES = 24
"""Up to this many uses of a value are paired each with each; of more, each with its neighbour in time
and with the first, which joins the same people at a cost that does not grow as the square."""

COMPARED = 8
"""Records of a group, the first by name, that are compared with as many of another."""


class Node(NamedTuple):
    """One record to be placed.

    `key` is the caller's handle; `name` and `time` order nodes and do not depend on arrival. `record`
    is None where it has nothing to compare. `live` tells that a bare name proves nothing.
    `exclusive` is type -> value. Nodes of one `anchor` belong together because a person said so.
    """

    key: int
    name: str
    time: int
    record: MatchRecord | None
    live: bool
    exclusive: Mapping[str, bytes]
    anchor: str | None = None


class Use(NamedTuple):
    """A node that mentions a value, and the class under which it does."""

    key: int
    cls: Literal["exclusive", "strong", "weak", "place", "device"]


class Pair(NamedTuple):
    """Two nodes that may be one person, `one` before `other` in time and name."""

    rule: Rule
    weight: int
    one: int
    other: int
    value: bytes = b""


class Refused(NamedTuple):
    """A pair that was strong enough and was not joined, and the guard that refused it."""

    pair: Pair
    guard: str


@dataclass(slots=True)
class Clusters:
    """The result: groups of keys, the pairs that joined them, and those that a guard refused."""

    groups: list[tuple[int, ...]] = field(default_factory=list)
    joins: list[Pair] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def scored_pairs(
    nodes: Mapping[int, Node], together: Iterable[tuple[int, int]], scorer: Scorer, rules: LinkRules
) -> Iterator[Pair]:
    """Weigh pairs of nodes and yield those that may be linked by their weight alone."""
    for first, second in together:
        one, other = _in_order(nodes[first], nodes[second])
        if one.record is None or other.record is None:
            continue
        weight = scorer.weight(one.record, other.record)
        if weight >= rules.attach and _may_rest_on_weight(one, other, scorer, rules):
            yield Pair("score", weight, one.key, other.key)


def _may_rest_on_weight(one: Node, other: Node, scorer: Scorer, rules: LinkRules) -> bool:
    a, b = one.record, other.record
    assert a is not None
    assert b is not None
    if share_identifier(a, b):
        if contradict(a, b, scorer, rules.contradiction):
            return False
        # No more than the identifier itself: that is for the exact rungs, which know its sharers.
        if rests_on(IDENTIFIER_ONLY, a, b, scorer):
            return False
    if rests_on_household(a, b, scorer):
        return False
    if rules.live_name_only_links or not rests_on(NAME_ONLY, a, b, scorer):
        return True
    return not (one.live or other.live or reach_elsewhere(a, b, scorer))


def exact_pairs(
    nodes: Mapping[int, Node], value: bytes, uses: Sequence[Use], scorer: Scorer, rules: LinkRules
) -> Iterator[Pair]:
    """Yield the pairs of nodes that mention one value, which is not shared and not blocked."""
    ordered = sorted(uses, key=lambda use: _order(nodes[use.key]))
    for first, second in _each_with_each(ordered):
        one, other = nodes[first.key], nodes[second.key]
        rule = _rule(first, second, one, other)
        if rule is None:
            continue
        spoken = 0
        if one.record is not None and other.record is not None:
            spoken = scorer.corroboration(one.record, other.record)
        if rule != "exact_exclusive" and spoken < rules.contradiction:
            continue
        if "place" in (first.cls, second.cls) and not _speaks(one, other, scorer):
            continue  # several people may be there
        weight = rules.attach
        if one.record is not None and other.record is not None:
            weight = max(weight, scorer.weight(one.record, other.record))
        yield Pair(rule, weight, one.key, other.key, value)


def _speaks(one: Node, other: Node, scorer: Scorer) -> bool:
    if one.record is None or other.record is None:
        return False
    return speaks_for_person(one.record, other.record, scorer)


def _each_with_each(uses: Sequence[Use]) -> Iterator[tuple[Use, Use]]:
    if len(uses) <= FEW_USES:
        for place, second in enumerate(uses):
            for first in uses[:place]:
                yield first, second
        return
    for place in range(1, len(uses)):
        yield uses[place - 1], uses[place]
        if place > 1:
            yield uses[0], uses[place]


def _rule(first: Use, second: Use, one: Node, other: Node) -> Rule | None:
    classes = {first.cls, second.cls}
    if "device" in classes:
        says_nothing = any(node.record is None and not node.exclusive for node in (one, other))
        return "device" if says_nothing else None
    if classes & {"weak", "place"}:
        return "exact_weak"
    return "exact_exclusive" if classes == {"exclusive"} else "exact_strong"


def cluster(
    nodes: Mapping[int, Node],
    pairs: Iterable[Pair],
    apart: Collection[frozenset[str]],
    scorer: Scorer,
    rules: LinkRules,
) -> Clusters:
    """Group nodes of one or more components.

    Args:
        nodes: by key.
        pairs: those that may be joined, in any order.
        apart: pairs of anchors that a person told apart.
        scorer, rules: those in force.
    """
    return _Clustering(nodes, apart, scorer, rules).run(pairs)


class _Clustering:
    """Groups that grow, and the checks that two of them have to pass to become one."""

    def __init__(
        self,
        nodes: Mapping[int, Node],
        apart: Collection[frozenset[str]],
        scorer: Scorer,
        rules: LinkRules,
    ) -> None:
        self._nodes = nodes
        self._apart = apart
        self._scorer = scorer
        self._rules = rules
        self._group_of = {key: key for key in nodes}
        self._members: dict[int, list[Node]] = {key: [node] for key, node in nodes.items()}
        self._weights: dict[tuple[int, int], int] = {}

    def run(self, pairs: Iterable[Pair]) -> Clusters:
        found = Clusters()
        self._keep_anchored_together()
        taken = sorted(pairs, key=self._turn)
        users = self._users(taken)
        for pair in taken:
            a, b = self._group_of[pair.one], self._group_of[pair.other]
            if a == b:
                continue
            guard = self._broken_guard(pair, a, b, users)
            if guard:
                found.refused.append(Refused(pair, guard))
            else:
                self._join(a, b)
                found.joins.append(pair)
        found.groups = [
            tuple(node.key for node in sorted(members, key=_order))
            for members in self._members.values()
        ]
        return found

    def _turn(self, pair: Pair) -> tuple[object, ...]:
        one, other = self._nodes[pair.one], self._nodes[pair.other]
        silent = one.record is None and other.record is None
        place = one.time, other.time, one.name, other.name
        # Two pairs of the same nodes join the same groups; the value is the better reason to give.
        return RANK[pair.rule], -pair.weight, silent, *place, pair.rule == "score", pair.value

    def _keep_anchored_together(self) -> None:
        first: dict[str, int] = {}
        for key in sorted(self._nodes, key=lambda key: _order(self._nodes[key])):
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
        if len(ours) > 1 < len(theirs) and not self._may_fuse(pair, ours, theirs):
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


def _in_order(one: Node, other: Node) -> tuple[Node, Node]:
    return (one, other) if _order(one) <= _order(other) else (other, one)


def _order(node: Node) -> tuple[int, str]:
    return node.time, node.name
