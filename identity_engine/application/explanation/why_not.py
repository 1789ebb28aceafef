"""Why two contacts, or two interactions, are not one: asked of the rules in force, nothing is written.

The pair goes through what re-evaluation would ask of it, in the same order, and the first answer that
is no is given: a guard, or the weight that is missing. Then what would tip it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from msgspec import Struct

from aggregates.values import Stage
from identity_engine.application.explanation.absent import Absent, absent_comparisons
from identity_engine.application.explanation.explain import reason_of
from identity_engine.application.explanation.pair import Common, Pair, Side
from identity_engine.application.explanation.recorded_refusal import (
    RecordedRefusal,
    StandingRefusal,
    standing_refusal,
)
from identity_engine.application.explanation.sentences import Sentences
from identity_engine.application.explanation.waterfall import (
    Part,
    Thresholds,
    parts_of_score,
    thresholds_of,
)
from identity_engine.application.policies import Policies
from identity_engine.application.rules import Rules
from identity_engine.event_store.store import EventStore
from matchers import clustering, proposals
from matchers.clustering import Clusters
from matchers.guards import (
    IDENTIFIER_ONLY,
    NAME_ONLY,
    contradict,
    rests_on,
    rests_on_household,
    share_identifier,
)
from matchers.proposals import Node, exact_pairs, scored_pairs
from matchers.scoring import in_bits
from projections.match_index.rows import InteractionRow

NOTHING_TO_TIP = ("already_one", "gone", "other_division", "would_join")
NOTHING_APART = ("would_join", "never_compared")
TIPS = {
    "below_attach": "bits",
    "below_merge": "bits",
    "contradiction": "less_against",
    "members_differ": "less_against",
}
"""Verdict -> its tip, where the tip does not have the verdict's own name."""


class WhyNot(Struct, frozen=True):
    """Why `one` and `other` are not one.

    `verdict` is `already_one`, `gone`, `would_join`, `never_compared`, `other_division`, `says_nothing`,
    `shared_identifier`, `below_attach`, `not_enough_alone`, `corrected` where a person's correction of a
    link keeps what they have in common from joining them, `passed_on` where it was released or given to
    somebody else between them, `order_of_joining` where nothing is
    between the two alone and re-evaluation refused them all the same, or the guard that refuses.
    `contacts` stand for the two identities; `compared` are the two interactions that are most alike,
    `by_hand` those of them that are what people say of a contact, under its id; their `parts` add up
    to `bits`. `needed` is the threshold that counts for the two, `missing` how much `bits` fall
    short of it. `absent` lists comparisons that could still be made, with what they could bring.
    `recorded` is what re-evaluation found when it last looked at both, None where it refused nothing.
    """

    one: str
    other: str
    contacts: tuple[str, str]
    verdict: str
    sentence: str
    tip: str
    thresholds: Thresholds
    needed: float
    bits: float | None = None
    missing: float | None = None
    compared: tuple[str, str] | None = None
    by_hand: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    absent: tuple[Absent, ...] = ()
    model: str = ""
    policy: str = ""
    recorded: RecordedRefusal | None = None


def why_not(store: EventStore, policies: Policies, ids: tuple[str, str], say: Sentences) -> WhyNot:
    """Say why two are not one.

    Args:
        store: the stored rows.
        policies: know the rules in force.
        ids: contacts or interactions; an interaction stands for itself, not for its contact.
        say: sentences in the reader's language.

    Raises:
        NotFound: there is no contact and no linked interaction with one of the ids.
    """
    with store.reading() as cursor:
        reader = store.index.begin(cursor)
        policies.follow(reader)
        pair = Pair(store, reader, policies.rules)
        one, other = map(pair.side, ids)
        refusal = standing_refusal(store, cursor, one, other)
        return _Question(pair, one, other, policies.rules, refusal).answer(say)


class _Likeness(Struct, frozen=True):
    """The two interactions that are most alike, and their weight in millibits."""

    weight: int
    one: InteractionRow
    other: InteractionRow


class _Question:
    """One pair before the rules."""

    def __init__(
        self, pair: Pair, one: Side, other: Side, rules: Rules, refusal: StandingRefusal | None
    ) -> None:
        self._pair, self._one, self._other, self._rules = pair, one, other, rules
        self._refusal = refusal
        self._scorer, self._limits = rules.scorer, rules.link_rules
        self._types: list[str] = []
        is_fusion = len(one.rows) > 1 and len(other.rows) > 1
        self._needed = self._limits.merge if is_fusion else self._limits.attach
        self._best = None if one.canonical == other.canonical else self._most_alike()

    def answer(self, say: Sentences) -> WhyNot:
        """Return the verdict in words, with the waterfall of the best pair and what would tip it."""
        verdict, refusal = self._verdict(), self._refusal
        guard = self._guard_in_turn() if verdict in NOTHING_APART else None
        verdict = verdict if guard is None else "order_of_joining"
        best, model = self._best, self._rules.model
        bits = in_bits(best.weight) if best is not None else None
        needed = in_bits(self._needed)
        missing = in_bits(max(0, self._needed - best.weight)) if best is not None else None
        key = f"why_not.{verdict}"
        return WhyNot(
            one=self._one.asked,
            other=self._other.asked,
            contacts=(self._one.canonical, self._other.canonical),
            verdict=verdict,
            sentence=say.say(
                key if say.knows(key) else "why_not.guard",
                contact=self._one.canonical,
                guard=verdict,
                reason=reason_of(guard or verdict, say),
                weight=bits or 0.0,
                needed=needed,
                missing=missing or 0.0,
            ),
            tip=self._tip(verdict, missing or 0.0, needed, say),
            thresholds=thresholds_of(model),
            needed=needed,
            bits=bits,
            missing=missing,
            compared=(
                (best.one.interaction_id, best.other.interaction_id) if best is not None else None
            ),
            by_hand=tuple(row.interaction_id for row in self._compared() if row.is_by_hand),
            parts=self._parts(),
            absent=() if verdict in NOTHING_TO_TIP else self._absent(),
            model=self._rules.model_version,
            policy=self._rules.policy_version,
            recorded=refusal.told(say) if refusal is not None else None,
        )

    def _guard_in_turn(self) -> str | None:
        """Return the guard that keeps two apart between whom alone there is nothing, None if none does.

        What was found under older rules may have been found again: it is written again only if changed.
        """
        refusal = self._refusal
        if refusal is None or refusal.is_by(self._rules):
            return refusal.guard if refusal is not None else None
        return self._pair.refused_by_re_evaluation(self._one, self._other)

    def _verdict(self) -> str:
        one, other = self._one, self._other
        if one.canonical == other.canonical:
            return "already_one"
        if not (one.is_live and other.is_live):
            return "gone"
        if one.division != other.division:
            return "other_division"
        if self._pair.are_told_apart(one, other):
            return "told_apart"
        commons = self._pair.commons(one, other)
        nodes = self._pair.nodes(one, other, commons)
        self._types = self._conflicts(nodes)
        if self._types:
            return "exclusive_conflict"
        pairs = self._pairs(nodes, commons)
        clusters = self._clustered(nodes, pairs)
        if self._are_joined(clusters) and one.stage is other.stage is Stage.CURATED:
            return "both_curated"
        if self._are_joined(clusters):
            return "would_join" if self._is_any_met(pairs) else "never_compared"
        between = [one for one in clusters.refused if self._is_between(one.pair, nodes)]
        if between:
            return between[0].guard
        return self._held_back(nodes, commons) or self._refused_pair(nodes, commons)

    def _clustered(self, nodes: dict[int, Node], pairs: Iterable[proposals.Pair]) -> Clusters:
        return clustering.cluster(nodes, pairs, (), self._scorer, self._limits)

    def _held_back(self, nodes: dict[int, Node], commons: Sequence[Common]) -> str | None:
        """Return what people did that keeps the two from coming before the guards of groups."""
        rows = (*self._one.rows, *self._other.rows)
        if (any(row.corrected for row in rows) or any(one.corrected for one in commons)) and (
            self._would_meet(self._pairs(nodes, commons, corrections=False), nodes)
        ):
            return "corrected"
        if any(len(one.eras) > 1 for one in commons) and (
            self._would_meet(self._pairs(nodes, commons, corrections=False, ends=False), nodes)
        ):
            return "passed_on"
        return None

    def _would_meet(self, pairs: Iterable[proposals.Pair], nodes: dict[int, Node]) -> bool:
        """Tell whether by these pairs the two would come before the guards of groups."""
        clusters = self._clustered(nodes, pairs)
        refused = any(self._is_between(one.pair, nodes) for one in clusters.refused)
        return refused or self._are_joined(clusters)

    def _pairs(
        self,
        nodes: dict[int, Node],
        commons: Iterable[Common],
        *,
        corrections: bool = True,
        ends: bool = True,
    ) -> list[proposals.Pair]:
        """Return the pairs that may be joined, of the two and of all who use a common value: heeding
        what people corrected, and that a value ended to be somebody's, or as if that had not been."""
        ours, theirs = (
            [row.number for row in side.records if not (corrections and row.corrected)]
            for side in (self._one, self._other)
        )
        pairs = list(scored_pairs(nodes, product(ours, theirs), self._scorer, self._limits))
        for common in commons:
            for uses in common.led(corrections=corrections, ends=ends):
                pairs += exact_pairs(nodes, common.digest, uses, self._scorer, self._limits)
        return pairs

    def _are_joined(self, clusters: Clusters) -> bool:
        """Tell whether both are of one cluster; somebody of whom nothing is left is of none."""
        ours, theirs = ({row.number for row in side.rows} for side in (self._one, self._other))
        return any(
            not ours.isdisjoint(group) and not theirs.isdisjoint(group) for group in clusters.groups
        )

    def _is_any_met(self, pairs: Iterable[proposals.Pair]) -> bool:
        """Tell whether re-evaluation would meet one of the pairs: by a value, or by a block key."""
        ours = {row.number: row for row in self._one.rows}
        theirs = {row.number: row for row in self._other.rows}
        for pair in pairs:
            ends = (pair.one, pair.other)
            one = next((ours[end] for end in ends if end in ours), None)
            other = next((theirs[end] for end in ends if end in theirs), None)
            if one is None or other is None:
                continue
            if pair.rule != "score" or self._pair.share_a_key(one, other, self._one.division):
                return True
        return False

    def _is_between(self, pair: proposals.Pair, nodes: dict[int, Node]) -> bool:
        ends = {nodes[pair.one].anchor, nodes[pair.other].anchor}
        return ends == {self._one.canonical, self._other.canonical}

    def _conflicts(self, nodes: dict[int, Node]) -> list[str]:
        """Return the types of identifiers that one person alone can hold and the two hold otherwise."""
        ours = list(_exclusive(self._one, nodes))
        types = {type_ for type_, _ in ours}
        theirs = _exclusive(self._other, nodes)
        return sorted({t for t, value in theirs if t in types and (t, value) not in ours})

    def _refused_pair(self, nodes: dict[int, Node], commons: list[Common]) -> str:
        """Return why no pair of the two came before the guards of groups at all."""
        exact = next(filter(None, (self._refused_value(one, nodes) for one in commons)), None)
        if exact is not None:
            return exact
        best = self._best
        if best is None or best.weight < self._limits.attach:
            if commons:
                return "shared_identifier"
            return "says_nothing" if best is None else "below_attach"
        a, b = best.one.record, best.other.record
        assert a is not None
        assert b is not None
        pair = self._scorer.compare(a, b)
        if share_identifier(a, b):
            if pair.corroboration < self._limits.contradiction:
                return "contradiction"
            if rests_on(IDENTIFIER_ONLY, pair):
                return "bare_identifier"
        if rests_on_household(pair):
            return "household"
        return "bare_name" if rests_on(NAME_ONLY, pair) else "not_enough_alone"

    def _refused_value(self, common: Common, nodes: dict[int, Node]) -> str | None:
        """Return which guard keeps a common value that is not shared from linking, None if none."""
        classes = {use.cls for use in common.uses}
        if common.is_shared or "device" in classes:
            return None
        users = {use.key for use in common.uses}
        ours, theirs = (
            [nodes[row.number] for row in side.rows if row.number in users]
            for side in (self._one, self._other)
        )
        against = any(
            contradict(x.record, y.record, self._scorer, self._limits.contradiction)
            for x, y in product(ours, theirs)
        )
        if against:
            return "contradiction"
        return "place_alone" if "place" in classes else None

    def _most_alike(self) -> _Likeness | None:
        weighed = (
            _Likeness(self._scorer.weight(one.record, other.record), one, other)
            for one, other in product(self._one.records, self._other.records)
            if one.record is not None and other.record is not None
        )
        return max(
            weighed,
            key=lambda x: (x.weight, x.one.interaction_id, x.other.interaction_id),
            default=None,
        )

    def _compared(self) -> tuple[InteractionRow, ...]:
        return (self._best.one, self._best.other) if self._best is not None else ()

    def _parts(self) -> tuple[Part, ...]:
        best = self._best
        if best is None or best.one.record is None or best.other.record is None:
            return ()
        score = self._scorer.explain(best.one.record, best.other.record)
        return parts_of_score(score, self._rules.model)

    def _absent(self) -> tuple[Absent, ...]:
        best = self._best
        if best is None:
            return ()
        return tuple(absent_comparisons(best.one, best.other, self._rules, self._needed))

    def _tip(self, verdict: str, missing: float, needed: float, say: Sentences) -> str:
        key = f"tip.{TIPS.get(verdict, verdict)}"
        if not say.knows(key) or (key == "tip.bits" and not missing):
            key = "tip.more_in_common"
        return say.say(key, missing=missing, needed=needed, types=", ".join(self._types))


def _exclusive(side: Side, nodes: dict[int, Node]) -> Iterator[tuple[str, bytes]]:
    for row in side.rows:
        yield from nodes[row.number].exclusive.items()
