"""Quality is counted over pairs and, by B-cubed, over records."""

import pytest

from matchers.evaluation import evaluate


def of(**labels):
    return {("s", name): label for name, label in labels.items()}


def test_perfect_links_are_perfect():
    quality = evaluate(of(a="1", b="1", c="2"), of(a="x", b="x", c="y"))
    assert (quality.precision, quality.recall, quality.f1, quality.bcubed_f1) == (1, 1, 1, 1)
    assert (quality.interactions, quality.clusters, quality.people) == (3, 2, 2)


def test_pairs_and_bcubed_follow_a_worked_example():
    links = of(a="1", b="1", c="1", d="2", e="2")
    truth = of(a="x", b="x", c="y", d="y", e="y")
    quality = evaluate(links, truth)
    assert (quality.true_pairs, quality.linked_pairs, quality.correct_pairs) == (4, 4, 2)
    assert quality.precision == quality.recall == pytest.approx(0.5)
    assert quality.bcubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert quality.bcubed_recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)


def test_an_interaction_without_a_link_stands_alone():
    quality = evaluate(of(a="1", b="1"), of(a="x", b="x", c="x"))
    assert quality.recall == pytest.approx(1 / 3)
    assert quality.clusters == 2


def test_a_link_the_truth_does_not_know_is_left_out():
    assert evaluate(of(a="1", z="1"), of(a="x")).linked_pairs == 0


def test_nothing_at_all_has_nothing_wrong():
    assert evaluate({}, {}).f1 == 1
