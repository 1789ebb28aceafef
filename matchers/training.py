"""Training: a new model from records, starting from one that is believed.

u comes from hash-sampled pairs, m from expectation maximisation over pairs that a blocking rule
brings together, and from pairs a person has confirmed. Every table of records speaks with a bounded
voice, and the model trained from counts as evidence too: a small stream changes little, a large one
of another kind does not drown the rest. Nothing depends on the order of tables or records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from msgspec import Struct, field

from matchers.comparison import Comparison, comparison_of
from matchers.estimation import (
    Table,
    Vector,
    count_vectors,
    level_counts,
    maximise,
    posterior,
    smooth,
)
from matchers.model import ComparisonModel, Level, Model
from matchers.pairs import (
    ROUNDS,
    Pair,
    blocked_pairs,
    in_hash_order,
    labelled_pairs,
    sampled_pairs,
)
from matchers.record import MatchRecord
from matchers.term_frequencies import term_frequencies

_RANDOM_PAIRS = 60_000
_BLOCKED_PAIRS = 60_000
_PAIRS_OF_ONE_PERSON = 12
_FEWEST_BLOCKED = 20
"""Pairs of a blocking round below which nothing is learned from it."""

_VOICE_M, _VOICE_U, _VOICE_SHARED = 1_500.0, 60_000.0, 200.0
"""The most pairs as which one table counts for m, for u and for pairs who share an identifier."""

_BELIEF_M, _BELIEF_U, _BELIEF_SHARED = 150.0, 3_000.0, 100.0
"""As how many pairs the starting model counts."""

_FURTHEST_PRIOR = 4.0
"""Factor by which one training may move the prior."""

_FURTHEST_LEVEL = 4.0
"""Factor by which one training may lower a probability: what was not seen is not thereby rare."""

_LEAST, _MOST = 1e-7, 0.9999


class TrainingTable(Struct, frozen=True):
    """Records of one source, with what is known about who they are.

    `people` names the person of a record by its place. `confirmed` and `refuted` are pairs that a
    person said are one, or two.
    """

    records: Sequence[MatchRecord]
    people: Mapping[int, str] = field(default_factory=dict)
    confirmed: Sequence[Pair] = ()
    refuted: Sequence[Pair] = ()


class _Learned(Struct):
    """Counts of one table, by comparison and level, and its share of matches among all pairs."""

    m: Table
    u: Table
    shared: Table
    prior: float


def train(tables: Sequence[TrainingTable], start: Model, provenance: Mapping[str, str]) -> Model:
    """Train a model.

    Args:
        tables: what to learn from; empty ones say nothing.
        start: the model to start from: its comparisons, thresholds, limits and, as evidence among
            other evidence, its probabilities.
        provenance: what the model is to say about where it comes from.

    Returns:
        A model with all probabilities above 0. Thresholds, scales and limits are those of `start`.
    """
    spoken = [table for table in tables if len(table.records) > 1]
    learned = [_Trainee(table, start).learn() for table in spoken]
    comparisons = tuple(
        _comparison(comparison, place, learned)
        for place, comparison in enumerate(start.comparisons)
    )
    return start.model_copy(
        update={
            "comparisons": comparisons,
            "prior": _prior(start.prior, [one.prior for one in learned]),
            "term_frequencies": term_frequencies([table.records for table in spoken], start),
            "provenance": dict(provenance),
        }
    )


class _Trainee:
    """Learns from one table."""

    def __init__(self, table: TrainingTable, start: Model) -> None:
        self._table = table
        self._records = table.records
        self._order = in_hash_order(table.records)
        self._kinds = [c.kind for c in start.comparisons]
        self._comparisons: list[Comparison] = [
            comparison_of(c.kind, c.field) for c in start.comparisons
        ]
        self._sizes = [len(c.levels) for c in start.comparisons]
        self._m = [[level.m for level in c.levels] for c in start.comparisons]
        self._u = [[level.u for level in c.levels] for c in start.comparisons]
        self._prior = start.prior

    def learn(self) -> _Learned:
        u = self._learn_u()
        self._u = [
            smooth(counts, start, _BELIEF_U) for counts, start in zip(u, self._u, strict=True)
        ]
        m, matches = self._learn_labelled() if self._is_labelled() else self._learn_blocked()
        confirmed = self._count(self._table.confirmed)
        return _Learned(
            m=_sum(m, confirmed),
            u=u,
            shared=self._learn_shared(),
            prior=max(matches, 1.0) / (len(self._records) * (len(self._records) - 1) / 2),
        )

    def _is_labelled(self) -> bool:
        return len(self._table.people) * 2 > len(self._records)

    def _learn_u(self) -> Table:
        """Levels among sampled pairs, each counted with the probability that it is no match.

        Why: of a small table many sampled pairs are matches, and would pass for agreement by chance.
        """
        people, refuted = self._table.people, set(self._table.refuted)
        told = [
            pair
            for pair in sampled_pairs(self._order, _RANDOM_PAIRS)
            if not (pair[0] in people and people[pair[0]] == people.get(pair[1]))
        ]
        counts = self._count(refuted)
        for vector, seen in self._vectors(told).items():
            unlikely = seen * (1 - posterior(vector, self._m, self._u, self._prior))
            for level_count, level in zip(counts, vector, strict=True):
                if level >= 0:
                    level_count[level] += unlikely
        return counts

    def _learn_labelled(self) -> tuple[Table, float]:
        people = self._table.people
        pairs = labelled_pairs(self._order, people, _PAIRS_OF_ONE_PERSON)
        sizes = Counter(people.values()).values()
        return self._count(pairs), sum(size * (size - 1) / 2 for size in sizes)

    def _learn_blocked(self) -> tuple[Table, float]:
        """Levels among matches, learned in each round for the comparisons it does not fix."""
        whole: Table = [[0.0] * size for size in self._sizes]
        most = 0.0
        for round_ in ROUNDS:
            pairs = blocked_pairs(self._records, self._order, round_, _BLOCKED_PAIRS)
            if len(pairs) < _FEWEST_BLOCKED:
                continue
            free = [place for place, kind in enumerate(self._kinds) if kind != round_.kind]
            vectors: Counter[Vector] = Counter()
            for vector, seen in self._vectors(pairs).items():
                vectors[tuple([vector[place] for place in free])] += seen
            estimate = maximise(
                vectors, [self._m[place] for place in free], [self._u[place] for place in free]
            )
            for place, counts in zip(free, estimate.matches, strict=True):
                whole[place] = [a + b for a, b in zip(whole[place], counts, strict=True)]
            most = max(most, estimate.share * len(pairs))
        return whole, most

    def _learn_shared(self) -> Table:
        """Levels among two people who share an e-mail address or a phone."""
        people = self._table.people
        pairs: set[Pair] = set()
        for round_ in ROUNDS:
            if people and round_.kind in ("email", "phone"):
                pairs.update(
                    (a, b)
                    for a, b in blocked_pairs(self._records, self._order, round_, _BLOCKED_PAIRS)
                    if a in people and b in people and people[a] != people[b]
                )
        return self._count(pairs)

    def _count(self, pairs: Iterable[Pair]) -> Table:
        return level_counts(self._sizes, self._vectors(pairs))

    def _vectors(self, pairs: Iterable[Pair]) -> Counter[Vector]:
        records = self._records
        return count_vectors(self._comparisons, ((records[a], records[b]) for a, b in pairs))


def _comparison(
    comparison: ComparisonModel, place: int, learned: Sequence[_Learned]
) -> ComparisonModel:
    old = comparison.levels
    m = _blend([x.m[place] for x in learned], [x.m for x in old], _BELIEF_M, _VOICE_M)
    u = _blend([x.u[place] for x in learned], [x.u for x in old], _BELIEF_U, _VOICE_U)
    shared: Sequence[float | None] = [None] * len(old)
    if comparison.kind in ("email", "phone"):
        shared = [level.shared for level in old]  # the pairs to learn it from were chosen by these
    elif all(level.shared is not None for level in old):
        believed = [level.shared or _LEAST for level in old]
        shared = _blend([x.shared[place] for x in learned], believed, _BELIEF_SHARED, _VOICE_SHARED)
    levels = tuple(
        Level(name=level.name, m=m_, u=u_, shared=shared_)
        for level, m_, u_, shared_ in zip(old, m, u, shared, strict=True)
    )
    return comparison.model_copy(update={"levels": levels})


def _blend(
    counts: Sequence[Sequence[float]], start: Sequence[float], belief: float, voice: float
) -> list[float]:
    """Sum the counts of all tables, none louder than `voice`, over what was believed before."""
    size = len(start)
    total = [0.0] * size
    for one in sorted(map(list, counts)):
        whole = sum(one)
        factor = min(1.0, voice / whole) if whole else 0.0
        total = [a + factor * b for a, b in zip(total, one, strict=True)]
    seen = smooth(total, start, belief)
    bounded = [max(p, q / _FURTHEST_LEVEL) for p, q in zip(seen, start, strict=True)]
    return [_rounded(p / sum(bounded)) for p in bounded]


def _prior(start: float, learned: Sequence[float]) -> float:
    """Geometric mean of the tables and the start, within a factor of the start."""
    mean = exp(sum(sorted(map(log, (start, *learned)))) / (1 + len(learned)))
    return _rounded(max(start / _FURTHEST_PRIOR, min(start * _FURTHEST_PRIOR, mean)))


def _sum(one: Table, other: Table) -> Table:
    return [[a + b for a, b in zip(x, y, strict=True)] for x, y in zip(one, other, strict=True)]


def _rounded(probability: float) -> float:
    return min(_MOST, max(_LEAST, float(f"{probability:.4g}")))
