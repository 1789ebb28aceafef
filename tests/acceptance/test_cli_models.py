"""The verbs about the model: train, evaluate, show, activate."""

import orjson
import pytest

from matchers.model import canonical_json, parse_model
from matchers.models import shipped_model


@pytest.fixture
def labelled(cli):
    stream, truth = cli.folder / "stream.jsonl.gz", cli.folder / "truth.csv"
    size = ("--people", 20, "--interactions", 80, "--seed", 3)
    assert cli.bare("simulate", *size, "--out", stream, "--truth", truth).code == 0
    return stream, truth


def test_a_model_is_trained_judged_and_put_in_force(cli, labelled):
    stream, truth = labelled
    out = cli.folder / "ours.json"

    trained = cli("model", "train", stream, "--truth", truth, "--out", out, "--json").document
    judged = cli.bare("model", "evaluate", stream, truth, "--model", out, "--json").document
    first = cli("model", "activate", out, "--json").document
    second = cli("model", "activate", out, "--json").document
    shown = cli("model", "show", "--json").document

    assert trained["labelled"] == trained["records"] > 0
    assert judged["interactions"] == 80
    assert (first["changed"], second["changed"]) == (True, False)
    assert trained["version"] == first["version"] == shown["version"]
    assert shown["model"]["name"] == "trained"


def test_training_twice_writes_the_same_bytes(cli, labelled):
    stream, truth = labelled
    written = []
    for name in ("one.json", "two.json"):
        assert cli("model", "train", stream, "--truth", truth, "--out", cli.folder / name).code == 0
        written.append((cli.folder / name).read_bytes())
    assert written[0] == written[1]


def test_a_store_is_learned_from_starting_with_its_own_model(cli, labelled):
    ours = orjson.loads(shipped_model()) | {"name": "mine"}
    assert cli("model", "activate", cli.write("mine.json", orjson.dumps(ours))).code == 0
    assert cli("ingest", labelled[0]).code == 0
    out = cli.folder / "learned.json"

    assert cli("model", "train", "--out", out).code == 0

    assert parse_model(out.read_bytes()).provenance["start"].startswith("mine ")


def test_the_ceiling_of_the_block_keys_is_shown_by_rule(cli, labelled):
    rows = cli.bare("model", "evaluate", *labelled, "--blocking", "--json").document
    assert rows[0]["keys"] == "all"
    assert all(rows[0]["direct_recall"] >= row["direct_recall"] for row in rows)
    assert "direct" in cli.bare("model", "evaluate", *labelled, "--blocking").out


def test_the_levels_are_shown_in_bits(filled):
    shown = filled("model", "show").out
    assert "birth_date" in shown
    assert "attach 1.5" in shown


def test_a_model_with_faults_is_refused_with_each_on_a_line_of_its_own(filled):
    broken = orjson.loads(shipped_model()) | {"prior": 2, "clip_bits": -1}
    answer = filled("model", "activate", filled.write("broken.json", orjson.dumps(broken)))
    assert answer.code == 1
    told, *faults = answer.err.splitlines()
    assert told == "error: The file is not valid:"
    assert [fault.split(":")[0] for fault in faults] == ["  prior", "  clip_bits"]


def test_truths_that_contradict_each_other_are_refused(cli, labelled):
    stream, truth = labelled
    head, *lines = truth.read_bytes().splitlines()
    other = cli.write("other.csv", b"\n".join([head, *(line + b"x" for line in lines)]) + b"\n")
    answer = cli(
        "model", "train", stream, "--truth", truth, "--truth", other, "--out", cli.folder / "x.json"
    )
    assert answer.code == 2
    assert "differently" in answer.err


def test_a_stream_that_holds_no_interactions_is_refused(cli):
    answer = cli("model", "train", cli.write("x.jsonl", b"{}\n"), "--out", cli.folder / "x.json")
    assert answer.code == 2
    assert "no interactions" in answer.err


def test_nor_is_one_judged(cli, labelled):
    for content in (b"hello\n", b""):
        answer = cli.bare("model", "evaluate", cli.write("x.jsonl", content), labelled[1])
        assert answer.code == 2
        assert "no interactions" in answer.err


def test_a_model_that_is_not_there_is_refused(cli, labelled):
    answer = cli.bare("model", "evaluate", *labelled, "--model", "nowhere.json")
    assert answer.code == 2


def test_the_shipped_model_starts_from_the_seed():
    person, seed = parse_model(shipped_model()), parse_model(shipped_model("seed"))
    assert person.thresholds == seed.thresholds
    assert [c.name for c in person.comparisons] == [c.name for c in seed.comparisons]
    assert canonical_json(person) != canonical_json(seed)
