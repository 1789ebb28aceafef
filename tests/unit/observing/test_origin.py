"""Where an error came from is told by module and line, with no value of what was worked on."""

import re
from datetime import UTC, datetime

import pytest

from identity_engine import Engine
from identity_engine.cli.main import run
from identity_engine.ingestion import envelope
from identity_engine.observing.origin import origin_of


def test_it_is_the_deepest_place_of_ours():
    with pytest.raises(TypeError) as raised:
        envelope.decode(object(), now=datetime.now(UTC))
    assert re.fullmatch(r"identity_engine\.ingestion\.[a-z_]+:\d+", origin_of(raised.value))


def test_an_error_of_others_is_told_by_their_place():
    with pytest.raises(ValueError, match="isoformat") as raised:
        datetime.fromisoformat("Anna Berger")
    assert origin_of(raised.value).startswith(f"{__name__}:")


def test_an_error_that_was_never_raised_has_no_place():
    assert origin_of(KeyError("Anna Berger")) == "?:0"


def test_who_types_a_verb_is_told_the_place_and_no_value(monkeypatch, capsys, tmp_path):
    def unforeseen(*_, **__):
        raise KeyError("Anna Berger")

    Engine.open(tmp_path / "store").close()
    monkeypatch.setattr(Engine, "reevaluate", unforeseen)
    with pytest.raises(SystemExit) as ended:
        run(["reevaluate", "--store", str(tmp_path / "store")])
    said = capsys.readouterr().err

    assert ended.value.code == 1
    assert re.search(r"unforeseen happened \(KeyError at identity_engine\.cli\.[a-z]+:\d+\)", said)
    assert "Anna" not in said
