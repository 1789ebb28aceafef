"""An actor who may publish and nothing else: what is published is stored, the rest is left to others."""

import pytest

from tests.acceptance.commands import in_own_process

LEFT = "Re-evaluation is left to whoever may do operations:redrive in all divisions.\n"


@pytest.fixture
def as_publisher(cli):
    """Types a command as an actor who may publish only."""
    cli("admin", "grant", "centre", "publisher")

    def typed(*words, actor="centre"):
        return in_own_process(*words, "--store", cli.store, "--actor", actor)

    return typed


def test_an_ingest_succeeds_and_leaves_re_evaluation_to_others(cli, as_publisher):
    answer = as_publisher("ingest", cli.traffic())
    assert (answer.code, answer.err) == (0, "")
    first, last = answer.out.splitlines(keepends=True)
    assert "3 accepted" in first
    assert last == LEFT
    assert cli("admin", "refusals", "--json").document == []
    assert cli("reevaluate", "--json").document["evaluated"] == 3


def test_a_program_is_told_that_nothing_was_re_evaluated(cli, as_publisher):
    answer = as_publisher("ingest", cli.traffic(), "--json")
    assert answer.document["reevaluated"] is None
    assert answer.document["accepted"] == 3


def test_who_may_do_it_in_one_division_only_leaves_it_too(cli, as_publisher):
    cli("admin", "grant", "north-1", "owner", "--division", "default")
    answer = as_publisher("ingest", cli.traffic(), actor="north-1")
    assert (answer.code, answer.out.endswith(LEFT)) == (0, True)


def test_asking_for_it_is_refused_and_noted(cli, as_publisher):
    refused = as_publisher("reevaluate")
    assert (refused.code, "operations:redrive" in refused.err) == (1, True)
    (noted,) = cli("admin", "refusals", "--json").document
    assert (noted["actor"], noted["action"]) == ("centre", "operations:redrive")
