"""The evidence of a pair of records, as it is stored with what rests on it."""

from collections.abc import Callable

from aggregates.values import ComparisonEvidence, Evidence, InteractionId
from identity_engine.application.rules import Rules
from matchers.proposals import Pair
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow


def evidence_of(
    row_of: Callable[[int], InteractionRow],
    rules: Rules,
    index: MatchIndex,
    pair: Pair,
    about: InteractionRow,
) -> Evidence:
    """Return why a pair speaks for one person.

    Args:
        row_of: number -> its record.
        rules: those in force.
        index: has the identifiers.
        pair: two records.
        about: the one of them that the evidence is about; the other is what it was compared with.
    """
    one, other = row_of(pair.one), row_of(pair.other)
    score = None
    if one.record is not None and other.record is not None:
        score = rules.scorer.explain(one.record, other.record)
    matched = other if about.number == one.number else one
    value = index.identifiers.get(pair.value) if pair.value else None
    return Evidence(
        rule=pair.rule,
        model=rules.model_version,
        policy=rules.policy_version,
        weight=score.weight if score is not None else 0,
        prior=score.prior if score is not None else 0,
        comparisons=tuple(
            ComparisonEvidence(name=part.comparison, level=part.level, weight=part.weight)
            for part in (score.parts if score is not None else ())
        ),
        interaction_id=matched.interaction_id,
        against=InteractionId(about.interaction_id),
        identifiers=(value.identifier_id,) if value is not None else (),
    )
