"""Laws of the simulator for any size and seed."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from identity_engine.simulation import Difficulty, simulate, traffic
from identity_engine.simulation.chance import scattered, stride
from tests.support.histories import examples

SEEDS = st.integers(0, 2**64 - 1)
PEOPLE = st.integers(1, 400)
SHARES = st.floats(0, 1)


@examples(25)
@given(people=PEOPLE, interactions=st.integers(0, 300), seed=SEEDS)
def test_the_counts_are_exact_and_a_second_run_is_the_same(
    people: int, interactions: int, seed: int
) -> None:
    first = list(simulate(people, interactions, seed))
    assert len(first) == interactions
    assert len({(event["source"], event["id"]) for event, _ in first}) == interactions
    assert all(0 <= int(person[1:]) < people for _, person in first)
    assert first == list(simulate(people, interactions, seed))


@examples(15)
@given(seed=SEEDS, other=SEEDS)
def test_another_seed_is_another_world(seed: int, other: int) -> None:
    same = list(simulate(50, 60, seed)) == list(simulate(50, 60, other))
    assert same == (seed == other)


@examples(25)
@given(seed=SEEDS, shares=st.tuples(*[SHARES] * 17))
def test_any_difficulty_can_be_simulated(seed: int, shares: tuple[float, ...]) -> None:
    made = list(traffic(80, 150, seed, Difficulty(*shares)))
    assert len(made) == 150
    for one in made:
        assert all(one.event["data"]["profile"].values())
        assert all(identifier["value"] for identifier in one.event["data"]["identifiers"])


@given(seed=SEEDS)
@examples(10)
def test_the_largest_population_starts_at_once(seed: int) -> None:
    assert len(list(islice(simulate(5_000_000, 100_000_000, seed), 20))) == 20


@given(digits=st.integers(1, 12), pair=st.tuples(st.integers(0), st.integers(0)))
def test_scattering_keeps_numbers_apart(digits: int, pair: tuple[int, int]) -> None:
    a, b = (number % 10**digits for number in pair)
    assert (scattered(a, digits) == scattered(b, digits)) == (a == b)


@given(size=st.integers(1, 3_000))
def test_a_stride_visits_every_place(size: int) -> None:
    assert len({place * stride(size) % size for place in range(size)}) == size
