"""The ceiling of recall: how many true pairs the block keys bring together, rule by rule.

What no key brings together is never compared, so this bounds what any model can find. A pair may
still be joined through a third record: the bound after that is the *closure*.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from identity_engine.application.streams import StreamRecord
from matchers.blocking import block_keys, keys_in_use
from matchers.evaluation import Interaction
from matchers.record import MatchRecord


class Ceiling(Struct, frozen=True):
    """Recall that a set of keys allows, from 0 to 1, and what it costs.

    `pairs_a_record` counts pairs to compare, each once, divided by the records.
    """

    keys: str
    direct_recall: float
    closure_recall: float
    keys_a_record: float
    pairs_a_record: float


def keys_of_all(records: Sequence[MatchRecord], cap: int) -> list[tuple[str, ...]]:
    """Keys in use of each record once all are known: a key over the cap is refined for all of them."""
    crowded: set[str] = set()
    while True:
        found = (keys_in_use(record, crowded.__contains__)[0] for record in records)
        # Under a key that stays crowded only equal records are paired: left out of this measure.
        in_use = [tuple(key for key in keys if key not in crowded) for keys in found]
        sizes = Counter(key for keys in in_use for key in keys)
        more = {key for key, size in sizes.items() if size > cap}
        if not more:
            return in_use
        crowded |= more


def ceilings(
    read: Sequence[StreamRecord], truth: Mapping[Interaction, str], cap: int
) -> list[Ceiling]:
    """Measure all keys together, then the keys of each rule alone.

    Args:
        read: records of a stream; those the truth does not name are left out.
        truth: interaction -> person. Interactions that say nothing count among the pairs missed.
        cap: records under one key, beyond which it is refined.
    """
    known = [one for one in read if one.interaction in truth]
    people = [truth[one.interaction] for one in known]
    keys = keys_of_all([one.record for one in known], cap)
    sizes = Counter(truth.values()).values()
    true_pairs = sum(size * (size - 1) // 2 for size in sizes)
    rules = sorted({_rule(key) for one in known for key in block_keys(one.record)})
    return [
        _ceiling("all", keys, people, true_pairs),
        *(
            _ceiling(
                rule,
                [tuple(key for key in own if _rule(key) == rule) for own in keys],
                people,
                true_pairs,
            )
            for rule in rules
        ),
    ]


def _rule(key: str) -> str:
    return key.partition(":")[0]


def _ceiling(
    name: str, keys: Sequence[tuple[str, ...]], people: Sequence[str], true_pairs: int
) -> Ceiling:
    pairs = blocked(keys)
    found = [(one, other) for one, other in pairs if people[one] == people[other]]
    records = max(1, len(keys))
    return Ceiling(
        keys=name,
        direct_recall=len(found) / true_pairs if true_pairs else 1.0,
        closure_recall=_closure(found) / true_pairs if true_pairs else 1.0,
        keys_a_record=sum(map(len, keys)) / records,
        pairs_a_record=len(pairs) / records,
    )


def blocked(keys: Sequence[tuple[str, ...]]) -> set[tuple[int, int]]:
    """Pairs of places that have a key in common."""
    under: defaultdict[str, list[int]] = defaultdict(list)
    for place, own in enumerate(keys):
        for key in own:
            under[key].append(place)
    return {pair for places in under.values() for pair in combinations(places, 2)}


def _closure(pairs: Sequence[tuple[int, int]]) -> int:
    """Pairs within the groups that pairs join."""
    leader: dict[int, int] = {}

    def lead(place: int) -> int:
        while leader.setdefault(place, place) != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for one, other in pairs:
        leader[lead(one)] = lead(other)
    sizes = Counter(lead(place) for place in list(leader)).values()
    return sum(size * (size - 1) // 2 for size in sizes)
