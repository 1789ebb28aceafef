"""People of one household share phone, address and surname at once: that is one fact, not three."""

import pytest
from msgspec.structs import replace

from matchers.model import parse_model
from matchers.models import shipped_model
from matchers.record import MatchRecord, build_record
from matchers.scoring import MILLIBITS, Scorer

MODEL = parse_model(shipped_model())
SCORER = Scorer(MODEL)
ATTACH = round(MILLIBITS * MODEL.thresholds.attach)
HOME = {"address": "Hauptstraße 5", "postcode": "10115", "city": "Berlin"}


def of(given: str, **more: str) -> MatchRecord:
    profile = {"given_name": given, "family_name": "Schmidt"} | HOME | more
    return replace(build_record(profile, [], []), phones=("+493012345",))


def test_husband_and_wife_are_not_attached():
    assert SCORER.weight(of("Anna"), of("Otto")) < ATTACH


def test_one_person_seen_twice_at_home_is_attached():
    assert SCORER.weight(of("Anna"), of("Anna")) >= ATTACH
    assert SCORER.weight(of("Anna", date_of_birth="1980-02-03"), of("Anna")) >= ATTACH


def test_the_strongest_shared_thing_counts_once():
    both = SCORER.weight(of("Anna"), of("Otto"))
    without_phone = SCORER.weight(replace(of("Anna"), phones=()), of("Otto"))
    assert both - without_phone < 2 * MILLIBITS


@pytest.mark.parametrize("other", [of("Otto"), of("Anna"), MatchRecord()])
def test_the_parts_still_sum_to_the_weight(other):
    score = SCORER.explain(of("Anna"), other)
    assert score.weight == SCORER.weight(of("Anna"), other)
    assert score.weight == score.prior + sum(part.weight for part in score.parts)
