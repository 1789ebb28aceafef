"""The bars of an explanation add up exactly, and rarity has bars of its own."""

import pytest
from msgspec.structs import replace

from aggregates.values import ComparisonEvidence, Evidence
from identity_engine.application.explanation.waterfall import parts_of_evidence, parts_of_score
from identity_engine.application.rules import rules_from, shipped_model, shipped_policy
from matchers.record import build_record

RULES = rules_from(shipped_policy(), shipped_model())
RARE = build_record({"given_name": "Wilhelmine", "family_name": "Zschokke", "city": "Ulm"}, [], [])
AT_HOME = replace(RARE, phones=("+81312345678",))


@pytest.mark.parametrize("record", [RARE, AT_HOME], ids=["strangers", "of one phone"])
def test_they_add_up_to_the_weight(record):
    score = RULES.scorer.explain(record, record)

    parts = parts_of_score(score, RULES.model)

    assert round(1000 * sum(part.bits for part in parts)) == score.weight
    assert [part.kind for part in parts][:2] == ["prior", "comparison"]


def test_rarity_comes_after_the_comparisons_and_only_where_it_counted():
    strangers = parts_of_score(RULES.scorer.explain(RARE, RARE), RULES.model)
    at_home = parts_of_score(RULES.scorer.explain(AT_HOME, AT_HOME), RULES.model)

    assert [part.name for part in strangers if part.kind == "rarity"] == ["name", "city"]
    assert strangers[-1].kind == "rarity"
    assert not [part for part in at_home if part.kind == "rarity"]


def test_stored_evidence_gives_the_same_bars_as_the_score_it_came_from():
    score = RULES.scorer.explain(RARE, RARE)
    stored = Evidence(
        rule="score",
        model="m",
        policy="p",
        weight=score.weight,
        prior=score.prior,
        comparisons=tuple(
            ComparisonEvidence(name=one.comparison, level=one.level, weight=one.weight)
            for one in score.parts
        ),
    )

    assert parts_of_evidence(stored, RULES.model) == parts_of_score(score, RULES.model)
    assert parts_of_evidence(Evidence(rule="none", model="m", policy="p"), RULES.model) == ()
