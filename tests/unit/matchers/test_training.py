"""Training learns from records, in whatever order they come, and stays sane on few."""

from collections import Counter
from math import log2

import pytest

from matchers.estimation import count_vectors, maximise, posterior, smooth
from matchers.model import Model, canonical_json, parse_model
from matchers.models import shipped_model
from matchers.pairs import in_hash_order, labelled_pairs, sampled_pairs
from matchers.record import MatchRecord, build_record
from matchers.training import TrainingTable, train

SEED = parse_model(shipped_model("seed"))
SURNAMES = ["Adler", "Berg", "Conrad", "Dietz", "Ebert", "Fuchs", "Graf", "Huber", "Imhof", "Jung"]
SURNAMES += ["Kraus", "Lenz", "Maurer"]
GIVEN = ["Anna", "Otto", "Petra", "Gustav", "Lena", "Karl", "Marta", "Emil", "Ida", "Hugo", "Clara"]


def population(people: int, copies: int = 2) -> tuple[list[MatchRecord], dict[int, str]]:
    """Records of people; the later copies of a third of them have another postcode."""
    records, who = [], {}
    for person in range(people):
        for copy in range(copies):
            who[len(records)] = str(person)
            moved = copy > 0 and person % 3 == 0
            records.append(
                build_record(
                    {
                        "given_name": GIVEN[person % len(GIVEN)],
                        "family_name": SURNAMES[person % len(SURNAMES)],
                        "date_of_birth": f"19{40 + person % 50}-0{1 + person % 9}-1{person % 10}",
                        "postcode": f"{10_000 + person * 37 + (5_000 if moved else 0)}",
                    },
                    [],
                    [],
                )
            )
    return records, who


RECORDS, WHO = population(120)


def chance(model: Model, comparison: str, level: str, column: str = "m") -> float:
    found = next(c for c in model.comparisons if c.name == comparison)
    value: float = getattr(next(x for x in found.levels if x.name == level), column)
    return value


def test_equal_records_in_another_order_give_the_equal_model():
    backwards = list(reversed(RECORDS))
    who = {len(RECORDS) - 1 - place: person for place, person in WHO.items()}
    one = train([TrainingTable(RECORDS, WHO)], SEED, {})
    other = train([TrainingTable(backwards, who)], SEED, {})
    assert canonical_json(one) == canonical_json(other)


def test_the_order_of_tables_does_not_matter():
    tables = [TrainingTable(RECORDS, WHO), TrainingTable(population(60, 3)[0])]
    one, other = train(tables, SEED, {}), train(tables[::-1], SEED, {})
    assert canonical_json(one) == canonical_json(other)


def test_labelled_pairs_teach_how_often_people_move():
    trained = train([TrainingTable(RECORDS, WHO)], SEED, {})
    assert chance(trained, "postcode", "exact") < chance(SEED, "postcode", "exact")
    whole = 120 + 150
    expected = (80 + 150 * chance(SEED, "postcode", "exact")) / whole
    assert chance(trained, "postcode", "exact") == pytest.approx(expected, rel=0.02)


def test_without_labels_the_same_is_learned_from_pairs_of_one_name_or_birth_date():
    trained = train([TrainingTable(RECORDS)], SEED, {})
    labelled = train([TrainingTable(RECORDS, WHO)], SEED, {})
    assert chance(trained, "postcode", "exact") == pytest.approx(
        chance(labelled, "postcode", "exact"), abs=0.03
    )


def test_confirmed_and_refuted_pairs_move_the_weight_of_what_they_show():
    twins = [
        MatchRecord(given="a", family="b", name=("a", "b"), city="ulm"),
        MatchRecord(given="c", family="b", name=("c", "b"), city="ulm"),
    ] * 40
    pairs = [(place, place + 1) for place in range(0, len(twins), 2)]
    said_one = train([TrainingTable(twins, confirmed=pairs)], SEED, {})
    said_two = train([TrainingTable(twins, refuted=pairs)], SEED, {})

    def weight(model: Model) -> float:
        return log2(chance(model, "name", "family") / chance(model, "name", "family", "u"))

    assert weight(said_one) > weight(said_two)


def test_two_records_change_little_and_no_probability_is_lost():
    trained = train([TrainingTable(RECORDS[:2])], SEED, {})
    for before, after in zip(SEED.comparisons, trained.comparisons, strict=True):
        for old, new in zip(before.levels, after.levels, strict=True):
            assert new.m == pytest.approx(old.m, abs=0.02)
            assert new.u > old.u / 5


def test_probabilities_of_a_trained_comparison_sum_to_one():
    for comparison in train([TrainingTable(RECORDS, WHO)], SEED, {}).comparisons:
        assert sum(level.m for level in comparison.levels) == pytest.approx(1, abs=1e-3)
        assert sum(level.u for level in comparison.levels) == pytest.approx(1, abs=1e-3)


def test_the_prior_moves_towards_the_share_of_matches_within_bounds():
    trained = train([TrainingTable(RECORDS, WHO)], SEED, {})
    assert SEED.prior < trained.prior <= SEED.prior * 4


def test_a_trained_model_can_be_read_back_and_trained_again():
    once = train([TrainingTable(RECORDS, WHO)], SEED, {"table": "first"})
    again = train([TrainingTable(RECORDS, WHO)], parse_model(canonical_json(once)), {})
    assert again.thresholds == SEED.thresholds


def test_words_seen_fewer_than_five_times_are_not_listed():
    few, many = MatchRecord(city="ulm"), MatchRecord(city="bonn")
    trained = train([TrainingTable([few] * 4 + [many] * 5)], SEED, {})
    assert len(trained.term_frequencies["city"].frequencies) == 1


def test_sampled_pairs_are_distinct_pairs_of_two():
    order = in_hash_order(RECORDS[:9])
    pairs = list(sampled_pairs(order, 1_000))
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == 9 * 8 // 2
    assert list(sampled_pairs(order, 5)) == pairs[:5]


def test_a_person_with_many_records_gives_some_pairs_only():
    who = dict.fromkeys(range(50), "one") | {50: "two", 51: "two"}
    pairs = list(labelled_pairs(range(52), who, 12))
    assert len(pairs) == 13


def test_expectation_maximisation_finds_the_shares_that_made_the_vectors():
    """Two comparisons; of 1,000 pairs 300 are matches that agree with 0.9 and 0.8."""
    vectors: Counter[tuple[int, ...]] = Counter()
    for share, agree in ((300, (0.9, 0.8)), (700, (0.1, 0.2))):
        for first in (0, 1):
            for second in (0, 1):
                likely = (agree[0], 1 - agree[0])[first] * (agree[1], 1 - agree[1])[second]
                vectors[first, second] += round(share * likely)
    u = [[0.1, 0.9], [0.2, 0.8]]
    found = maximise(vectors, [[0.7, 0.3], [0.7, 0.3]], u)
    assert found.share == pytest.approx(0.3, abs=0.02)
    first, second = (counts[0] / sum(counts) for counts in found.matches)
    assert (first, second) == pytest.approx((0.9, 0.8), abs=0.03)


def test_a_silent_comparison_is_no_evidence():
    assert posterior((-1,), [[0.9, 0.1]], [[0.1, 0.9]], 0.25) == pytest.approx(0.25)
    assert posterior((0,), [[0.9, 0.1]], [[0.1, 0.9]], 0.5) == pytest.approx(0.9)


def test_vectors_are_counted():
    pairs = [(RECORDS[0], RECORDS[1])] * 3
    silent = count_vectors([lambda one, other: None, lambda one, other: (2, "")], pairs)
    assert silent == {(-1, 2): 3}


def test_smoothing_leaves_no_zero():
    assert min(smooth([0, 10], [0.5, 0.5], 2)) > 0
