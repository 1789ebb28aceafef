"""Which records may be one person: pairs by likeness, and pairs by a value that both mention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from matchers.guards import (
    IDENTIFIER_ONLY,
    NAME_ONLY,
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
FEW_USES = 24
"""Up to this many uses of a value are paired each with each; of more, each with its neighbour in time
and with the first, which joins the same people at a cost that does not grow as the square."""


class Node(NamedTuple):
    """One record to be placed.

    `key` is the caller's handle; `name` and `time` order nodes and do not depend on arrival. `record`
    is None where it has nothing to compare. `live` tells that a bare name proves nothing.
    `exclusive` is type -> value. Nodes of one `anchor` belong together because a person said so.
    `lasting` tells that the record shows a lasting person by itself, or that a person vouches for it.
    """

    key: int
    name: str
    time: int
    record: MatchRecord | None
    live: bool
    exclusive: Mapping[str, bytes]
    anchor: str | None = None
    lasting: bool = False


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


def scored_pairs(
    nodes: Mapping[int, Node], together: Iterable[tuple[int, int]], scorer: Scorer, rules: LinkRules
) -> Iterator[Pair]:
    """Weigh pairs of nodes and yield those that may be linked by their weight alone."""
    for first, second in together:
        one, other = _inorder(nodes[first], nodes[second])
        if one.record is None or other.record is None:
            continue
        weight = scorer.weight(one.record, other.record)
        if weight >= rules.attach and _may_rest_on_weight(one, other, scorer, rules):
            yield Pair("score", weight, one.key, other.key)


def _may_rest_on_weight(one: Node, other: Node, scorer: Scorer, rules: LinkRules) -> bool:
    a, b = one.record, other.record
    assert a is not None
    assert b is not None
    pair = scorer.compare(a, b)
    if share_identifier(a, b):
        if pair.corroboration < rules.contradiction:
            return False
        # No more than the identifier itself: that is for the exact rungs, which know its sharers.
        if rests_on(IDENTIFIER_ONLY, pair):
            return False
    if rests_on_household(pair):
        return False
    if rules.live_name_only_links or not rests_on(NAME_ONLY, pair):
        return True
    return not (one.live or other.live or reach_elsewhere(pair))


def exact_pairs(
    nodes: Mapping[int, Node], value: bytes, uses: Sequence[Use], scorer: Scorer, rules: LinkRules
) -> Iterator[Pair]:
    """Yield the pairs of nodes that mention one value, which is not shared and not blocked."""
    ordered = sorted(uses, key=lambda use: order(nodes[use.key]))
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
    return speaks_for_person(scorer.compare(one.record, other.record))


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


def _inorder(one: Node, other: Node) -> tuple[Node, Node]:
    return (one, other) if order(one) <= order(other) else (other, one)


def order(node: Node) -> tuple[int, str]:
    """Return what orders records the same way whatever order they came in."""
    return node.time, node.name
