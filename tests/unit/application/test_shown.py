"""What a history shows of the personal part of a fact: the same fields of each kind of fact, as JSON."""

from datetime import UTC, datetime

from aggregates.editing import WithdrawnPersonal, Word
from aggregates.interaction import GivenIdentifier, InteractionPersonal
from aggregates.values import Erased
from identity_engine.application.shown import as_told


def test_what_has_its_default_is_shown_and_what_is_not_said_is_not():
    mail = GivenIdentifier(
        type="email", value="a@b.example", family="email", normalised="a@b.example"
    )

    assert as_told(InteractionPersonal(source="//centre", id="1", identifiers=(mail,))) == {
        "source": "//centre",
        "id": "1",
        "identifiers": [
            {
                "type": "email",
                "value": "a@b.example",
                "family": "email",
                "normalised": "a@b.example",
                "blocked": False,
            }
        ],
        "profile": {},
    }


def test_a_time_is_as_wide_as_all_others_and_several_values_are_a_list():
    word = Word(value="Ulm", actor="agent-7", time=datetime(2026, 3, 2, tzinfo=UTC))

    assert as_told(WithdrawnPersonal(words={"city": (word,)})) == {
        "words": {
            "city": [
                {
                    "value": "Ulm",
                    "removed": False,
                    "actor": "agent-7",
                    "time": "2026-03-02T00:00:00.000000Z",
                }
            ]
        }
    }


def test_what_is_erased_says_so_and_what_there_is_not_is_nothing():
    assert as_told(Erased.ERASED) == {"erased": True}
    assert as_told(None) is None
