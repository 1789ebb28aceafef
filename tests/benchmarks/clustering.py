"""Offline clustering by pair weight: what the links of a stream come to once all is known.

Every pair that shares a block key or an identifier is weighed; pairs are taken by weight, the
greatest first, and joined where the guards hold: one record at `attach`, two groups at `merge`, at
least `member_share` of all pairs between the two sides at `member_floor` or above, and never two
values of one exclusive identifier. It shows how well the weights of a model are calibrated, apart
from the order of arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from identity_engine.bench.ceiling import blocked, keys_of_all
from matchers.record import MatchRecord
from matchers.scoring import Scorer
from matchers.vocabulary import LinkRules
from tests.benchmarks.arrivals import Arrival

SHARED_BY_MANY = 20
"""Records with one identifier beyond which it joins nobody by itself."""

EXACT = {"exclusive": 40_000, "strong": 12_000, "weak": 4_000}
"""Weight in millibits as which an exact identifier counts, unless attributes contradict it."""

SAYS_LITTLE = frozenset({"name", "gender", "language", "country", "region"})
"""Comparisons that prove nothing by themselves where somebody typed or spoke."""


@dataclass(slots=True)
class Clustering:
    """Groups of arrivals under one model and one set of rules."""

    arrivals: Sequence[Arrival]
    scorer: Scorer
    rules: LinkRules
    merge: int
    contact: list[int] = field(default_factory=list)
    members: dict[int, list[int]] = field(default_factory=dict)
    weights: dict[tuple[int, int], int] = field(default_factory=dict)

    def run(self, cap: int) -> list[int]:
        """Return the number of the group of each arrival.

        Args:
            cap: records under one block key, beyond which it is refined.
        """
        records = [arrival.record for arrival in self.arrivals]
        pairs = blocked(keys_of_all(records, cap))
        exact = self._exact()
        self.contact = list(range(len(records)))
        self.members = {place: [place] for place in self.contact}
        found = {pair: self._pair_weight(pair, exact) for pair in pairs | exact.keys()}
        for weight, pair in sorted((-weight, pair) for pair, weight in found.items()):
            if -weight < self.rules.attach:
                break
            self._join(pair, -weight)
        return self.contact

    def _exact(self) -> dict[tuple[int, int], int]:
        holders: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        for place, arrival in enumerate(self.arrivals):
            for given in arrival.identifiers:
                holders[given.family, given.value].append((place, given.cls))
        found: dict[tuple[int, int], int] = {}
        for held in holders.values():
            if len(held) > SHARED_BY_MANY and held[0][1] != "exclusive":
                continue
            for (one, cls), (other, cls2) in combinations(held, 2):
                weight = min(EXACT.get(cls, 0), EXACT.get(cls2, 0))
                if weight and one != other:
                    found[one, other] = max(weight, found.get((one, other), 0))
        return found

    def _pair_weight(self, pair: tuple[int, int], exact: Mapping[tuple[int, int], int]) -> int:
        one, other = (self.arrivals[place] for place in pair)
        weight = self._weight(*pair)
        if known := exact.get(pair):
            says = self.scorer.corroboration(one.record, other.record)
            if known == EXACT["exclusive"] or says >= self.rules.contradiction:
                return max(known, weight)
            return self.rules.attach - 1
        if weight >= self.rules.attach and (one.live or other.live):
            parts = self.scorer.explain(one.record, other.record).parts
            if all(part.comparison in SAYS_LITTLE for part in parts if part.weight > 0):
                return self.rules.attach - 1
        return weight

    def _weight(self, one: int, other: int) -> int:
        pair = (one, other) if one < other else (other, one)
        known = self.weights.get(pair)
        if known is None:
            known = self.scorer.weight(self._record(one), self._record(other))
            self.weights[pair] = known
        return known

    def _record(self, place: int) -> MatchRecord:
        return self.arrivals[place].record

    def _join(self, pair: tuple[int, int], weight: int) -> None:
        into, away = self.contact[pair[0]], self.contact[pair[1]]
        ours, theirs = self.members[into], self.members[away]
        if into == away or (min(len(ours), len(theirs)) > 1 and weight < self.merge):
            return
        if _conflict(self._exclusive(ours), self._exclusive(theirs)):
            return
        floor = self.rules.member_floor
        alike = sum(self._weight(a, b) >= floor for a in ours for b in theirs)
        if alike < self.rules.member_share * len(ours) * len(theirs):
            return
        for place in theirs:
            self.contact[place] = into
        ours += self.members.pop(away)

    def _exclusive(self, places: Sequence[int]) -> dict[str, set[str]]:
        held: defaultdict[str, set[str]] = defaultdict(set)
        for place in places:
            for given in self.arrivals[place].identifiers:
                if given.cls == "exclusive":
                    held[given.family].add(given.value)
        return held


def _conflict(ours: Mapping[str, set[str]], theirs: Mapping[str, set[str]]) -> bool:
    return any(ours[family] != theirs[family] for family in ours.keys() & theirs.keys())
