"""Weights follow the formula, rarity and what kin have in common."""

from math import log2

import orjson
import pytest

from matchers.comparison import LEVELS
from matchers.model import parse_model
from matchers.models import shipped_model
from matchers.record import MatchRecord, build_record
from matchers.scoring import Scorer

SHIPPED = Scorer(parse_model(shipped_model()))


def small_model(**of_city):
    city = {
        "name": "city",
        "kind": "text",
        "field": "city",
        "levels": [
            {"name": name, "m": m, "u": u}
            for name, m, u in zip(LEVELS["text"], (0.8, 0.1, 0.1), (0.1, 0.1, 0.8), strict=True)
        ],
    }
    return orjson.dumps(
        {
            "format": 1,
            "name": "small",
            "normaliser": "1",
            "prior": 0.2,
            "clip_bits": 10.0,
            "contradiction": -4.0,
            "thresholds": {"attach": 0.0, "review": -1.0, "merge": 1.0},
            "comparisons": [city | of_city],
        }
    )


def scorer(**of_city):
    return Scorer(parse_model(small_model(**of_city)))


ULM, BONN = MatchRecord(city="ulm"), MatchRecord(city="bonn")


def test_weight_is_prior_odds_plus_the_evidence_in_millibits():
    assert scorer().weight(ULM, ULM) == round(1000 * log2(0.25)) + round(1000 * log2(8))
    assert scorer().weight(ULM, BONN) == round(1000 * log2(0.25)) - round(1000 * log2(8))


def test_what_one_side_does_not_say_weighs_nothing():
    assert scorer().explain(ULM, MatchRecord()).parts == ()
    assert scorer().weight(ULM, MatchRecord()) == scorer().prior


def test_scale_shrinks_evidence_that_repeats_another():
    assert scorer(scale=0.5).explain(ULM, ULM).parts[0].weight == 1500


def test_no_comparison_says_more_than_the_clip():
    rare = [{"name": n, "m": 0.9, "u": 1e-9} for n in LEVELS["text"]]
    assert scorer(levels=rare).explain(ULM, ULM).parts[0].weight == 10_000


def test_agreeing_on_a_rare_name_weighs_more_than_on_a_common_one():
    john = build_record({"given_name": "John", "family_name": "Smith"}, [], [])
    rare = build_record({"given_name": "Ottokar", "family_name": "Quisenberry"}, [], [])
    assert SHIPPED.weight(rare, rare) > SHIPPED.weight(john, john) + 3_000


def test_one_surname_is_no_evidence_among_people_who_share_a_phone():
    wife = build_record({"given_name": "Petra", "family_name": "Vogel"}, [], [])
    husband = build_record({"given_name": "Oskar", "family_name": "Vogel"}, [], [])
    assert SHIPPED.explain(wife, husband).parts[0].weight > 0
    assert SHIPPED.corroboration(wife, husband) < 0
    assert SHIPPED.corroboration(wife, wife) > 0


@pytest.mark.parametrize("phones", [(), ("+442079460018",)])
def test_corroboration_leaves_the_shared_identifier_itself_out(phones):
    one = MatchRecord(city="ulm", phones=phones)
    assert SHIPPED.corroboration(one, one) == SHIPPED.corroboration(ULM, ULM)
