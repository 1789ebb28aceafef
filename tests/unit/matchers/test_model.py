"""A model is refused with every fault at once, and named by its content."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.model import InvalidModel, hash_term, model_version, parse_model
from matchers.models import shipped_model
from matchers.record import MatchRecord
from matchers.scoring import Scorer


def changed(change):
    model = json.loads(shipped_model())
    change(model)
    return json.dumps(model).encode()


def test_the_shipped_model_is_valid_and_holds_no_words():
    model = parse_model(shipped_model())
    words = model.term_frequencies["name"].frequencies
    assert len(words) > 100
    assert all(len(word) == 12 and int(word, 16) >= 0 for word in words)


def test_all_faults_are_listed_at_once():
    def spoil(model):
        model["prior"] = 2
        model["thresholds"]["attach"] = model["thresholds"]["merge"] + 1
        model["comparisons"][0]["levels"][0]["m"] = 0
        model["colour"] = "blue"

    with pytest.raises(InvalidModel) as refused:
        parse_model(changed(spoil))
    places = [fault.split(":")[0] for fault in refused.value.faults]
    assert places == ["prior", "thresholds", "comparisons.0.levels.0.m", "colour"]


def test_bytes_that_are_no_json_are_refused():
    with pytest.raises(InvalidModel):
        parse_model(b"\xff{")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: m["comparisons"][0]["levels"].pop(), "levels of name must be"),
        (lambda m: m["comparisons"].append(m["comparisons"][0]), "a name of its own"),
        (lambda m: m["term_frequencies"].clear(), "no term frequencies named"),
        (lambda m: m["comparisons"][7].update(field=""), "needs a field"),
    ],
)
def test_a_model_that_does_not_hold_together_is_refused(change, expected):
    with pytest.raises(InvalidModel, match=expected):
        parse_model(changed(change))


def test_the_version_depends_on_content_and_not_on_layout():
    model = parse_model(shipped_model())
    layout = json.dumps(json.loads(shipped_model()), indent=2).encode()
    assert model_version(parse_model(layout)) == model_version(model)
    other = parse_model(changed(lambda m: m.update(prior=0.0003)))
    assert model_version(other) != model_version(model)


def test_a_term_is_hashed_with_its_salt():
    assert hash_term("smith", "00" * 8) != hash_term("smith", "01" * 8)


def spoiled(model, place, value):
    *steps, last = place
    part = model
    for step in steps:
        part = part[step]
    part[last] = value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("comparisons", 0, "levels", 0, "u"), 1e-310),
        (("comparisons", 0, "levels", 0, "m"), 5e-324),
        (("comparisons", 0, "levels", 0, "shared"), 1e-310),
        (("term_frequencies", "name", "expected"), 1e-310),
        (("term_frequencies", "name", "unseen"), 5e-324),
        (("term_frequencies", "name", "salt"), "a" * 17),
        (("term_frequencies", "name", "salt"), "A" * 16),
        (("thresholds", "merge"), float("inf")),
        (("thresholds", "merge"), 1e300),
        (("thresholds", "merge"), float("nan")),
        (("thresholds", "review"), -1e300),
        (("contradiction",), float("-inf")),
        (("contradiction",), -1e300),
        (("prior",), float("nan")),
        (("clip_bits",), float("inf")),
    ],
)
def test_a_number_that_no_weight_could_hold_is_refused(place, value):
    with pytest.raises(InvalidModel) as refused:
        parse_model(changed(lambda model: spoiled(model, place, value)))
    (fault,) = refused.value.faults
    assert place[0] in fault


def test_what_does_not_hold_together_is_listed_beside_all_other_faults():
    def spoil(model):
        model["prior"] = 2
        model["term_frequencies"].clear()

    with pytest.raises(InvalidModel) as refused:
        parse_model(changed(spoil))
    places = [fault.split(":")[0] for fault in refused.value.faults]
    assert places == ["prior", "term_frequencies"]


PROBABILITIES = st.one_of(st.floats(), st.floats(0, 1), st.sampled_from((1e-30, 1 - 2**-53)))


@given(
    m=PROBABILITIES, u=PROBABILITIES, prior=PROBABILITIES, merge=st.floats(), unseen=PROBABILITIES
)
def test_whatever_is_accepted_can_weigh(m, u, prior, merge, unseen):
    def change(model):
        model["comparisons"][0]["levels"][0] |= {"m": m, "u": u}
        model["prior"], model["thresholds"]["merge"] = prior, merge
        model["term_frequencies"]["name"]["unseen"] = unseen

    try:
        model = parse_model(changed(change))
    except InvalidModel:
        return
    record = MatchRecord(given="anna", family="klein", name=("anna", "klein"))
    assert abs(Scorer(model).weight(record, record)) < 2**40
