"""Nothing that comes in from outside is lost without its own clear reason."""

from datetime import UTC, datetime

import pytest

from identity_engine.ingestion.envelope import IncomingInteraction, Rejected, decode
from identity_engine.ingestion.faults import MESSAGES
from identity_engine.ingestion.files.event_file import open_events
from tests.corpus.bad_input.kinds import ACCEPTED, CANARY, KINDS, good

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_kind_is_rejected_with_all_its_faults_and_its_bytes(kind):
    rejected = decode(kind.line, now=NOW)

    assert isinstance(rejected, Rejected)
    assert sorted(fault.code for fault in rejected.faults) == sorted(kind.codes)
    assert rejected.raw == kind.line


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_no_fault_shows_a_value_of_the_input(kind):
    rejected = decode(kind.line, now=NOW)

    assert isinstance(rejected, Rejected)
    for fault in rejected.faults:
        assert CANARY not in fault.message + fault.pointer
        assert fault.message == MESSAGES[fault.code]
        assert len(fault.pointer) < 200


@pytest.mark.parametrize("line", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_unusual_but_good_input_is_accepted(line):
    assert isinstance(decode(line, now=NOW), IncomingInteraction)


def test_the_names_of_the_kinds_are_unique():
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_good_lines_around_every_kind_go_on(tmp_path):
    lines = [good(id="before")]
    for number, kind in enumerate(KINDS):
        lines += [kind.line, good(id=f"after-{number}")]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")

    decoded = []
    with open_events(path) as events:
        for batch in events:
            decoded += batch.decode(now=NOW)

    accepted = [one.id for one in decoded if isinstance(one, IncomingInteraction)]
    refused = [one for one in decoded if isinstance(one, Rejected)]
    # The two UTF-16 kinds hold no line feed of their own, so each stays one line.
    assert accepted == ["before", *(f"after-{number}" for number in range(len(KINDS)))]
    assert [sorted(fault.code for fault in one.faults) for one in refused] == [
        sorted(kind.codes) for kind in KINDS
    ]
