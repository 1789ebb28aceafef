"""Going on where an earlier run stopped: what lies before was read, or the file starts anew."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from identity_engine.ingestion.envelope import IncomingInteraction
from identity_engine.ingestion.files import content
from identity_engine.ingestion.files.content import HEAD
from identity_engine.ingestion.files.event_file import open_events
from tests.corpus.bad_input.kinds import good

NOW = datetime(2026, 2, 1, tzinfo=UTC)
MAPPING = {
    "source": "crm",
    "id": "Ticket",
    "time": "Opened",
    "channel": {"value": "form"},
    "profile": {"given_name": "First name"},
}


def events(count: int, start: int = 0) -> bytes:
    return b"".join(good(id=f"e{number}") + b"\n" for number in range(start, start + count))


def names(count: int, start: int = 0) -> list[str]:
    return [f"e{number}" for number in range(start, start + count)]


def resumed(path, known, *arguments):
    """Run once more as an engine would: resume, read, store the position."""
    ids = []
    with open_events(path, *arguments, batch_size=3, secret=b"secret") as opened:
        opened.resume(known)
        for batch in opened:
            known.pop(batch.instead_of, None)
            known[batch.source] = batch.end
            ids += [one.id for one in batch.decode(now=NOW) if isinstance(one, IncomingInteraction)]
    return ids


@pytest.fixture
def known() -> dict[str, int]:
    return {}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("first", [1, 2, 5, 400])
def test_a_file_that_has_grown_is_read_on_from_its_old_end(path, known, first, pack):
    path.write_bytes(pack(events(first)))
    assert len(resumed(path, known)) == first

    path.write_bytes(pack(events(first + 3)))
    assert resumed(path, known) == names(3, first)
    path.write_bytes(pack(events(first + 300)))
    assert resumed(path, known) == names(297, first + 3)
    assert resumed(path, known) == []


def test_a_file_that_has_grown_by_half_a_line_loses_nothing_of_it(path, known):
    text = events(301)
    path.write_bytes(text[:-20])
    assert resumed(path, known) == names(300)

    path.write_bytes(text + events(1, start=301))

    assert resumed(path, known) == ["e300", "e301"]


def test_a_file_keeps_one_position_however_often_it_grows(path, known):
    for count in (1, 200, 400, 1_500):
        path.write_bytes(events(count))
        resumed(path, known)

    assert list(known.values()) == [len(events(1_500))]


def test_another_file_under_the_same_name_is_read_from_its_start(path, known):
    path.write_bytes(events(10))
    resumed(path, known)

    path.write_bytes(events(2) + events(300, start=50))

    assert len(resumed(path, known)) == 302


@pytest.mark.parametrize("alike", [1, 300])
@pytest.mark.parametrize("more", [0, 1, 200])
def test_a_file_that_only_begins_like_one_that_was_read_starts_anew(path, known, alike, more):
    path.write_bytes(events(alike) + events(200, start=1_000))
    resumed(path, known)
    assert alike == 1 or len(events(alike)) > HEAD

    path.write_bytes(events(alike) + events(200 + more, start=5_000))

    assert resumed(path, known) == names(alike) + names(200 + more, 5_000)


def test_a_file_that_differs_in_its_middle_alone_starts_anew(path, known):
    beginning, end = events(300), events(300, start=2_000)
    path.write_bytes(beginning + events(10, start=1_000) + end)
    resumed(path, known)

    path.write_bytes(beginning + events(10, start=1_010) + end)

    assert resumed(path, known) == names(300) + names(10, 1_010) + names(300, 2_000)


def test_two_files_that_begin_alike_are_both_known(tmp_path, known):
    for name, start in (("a", 1_000), ("b", 2_000)):
        (tmp_path / name).write_bytes(events(300) + events(100, start=start))
        assert len(resumed(tmp_path / name, known)) == 400

    assert resumed(tmp_path / "a", known) == resumed(tmp_path / "b", known) == []


def test_a_run_that_was_stopped_goes_on_at_its_last_batch(path, known):
    path.write_bytes(events(3_000))
    with open_events(path, batch_size=1_000, secret=b"secret") as opened:
        batch = next(iter(opened))
    known[batch.source] = batch.end

    assert resumed(path, known) == names(2_000, 1_000)


def test_a_position_of_an_older_version_or_a_follower_of_the_log_is_passed_over(path, known):
    path.write_bytes(events(300))
    with open_events(path, secret=b"secret") as opened:
        known = {opened.fingerprint(): len(events(50)), "cases from mail": 7, "kafka:t:0:x": 9}

    assert len(resumed(path, known)) == 300


def damaged_in_its_middle(packed: bytes) -> bytes:
    middle = len(packed) // 2
    return packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [damaged_in_its_middle, lambda packed: packed[:-8] + b"\0" * 8, lambda packed: packed[:-9]],
)
@pytest.mark.parametrize("count", [50, 3_000])
def test_the_sound_file_in_the_place_of_a_damaged_one_gives_all_that_was_missing(
    path, known, count, damage
):
    sound = gzip.compress(
        b"".join(good(id=f"e{n}", subject=f"{n * n:x}") + b"\n" for n in range(count)), mtime=0
    )
    path.write_bytes(damage(sound))
    first = resumed(path, known)

    path.write_bytes(sound)

    assert {*first, *resumed(path, known)} >= set(names(count))
    assert resumed(path, known) == []


def test_a_csv_file_goes_on_at_a_row_only_if_all_before_it_was_read(tmp_path, known):
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    arguments = ("csv", tmp_path / "mapping.json")
    path = tmp_path / "events.csv"

    def table(*ids: str) -> str:
        rows = [f'{one},2026-01-31T09:30:00Z,"A\nda"' for one in ids]
        return "\n".join(["Ticket,Opened,First name", *rows]) + "\n"

    path.write_text(table(*names(3_000)))
    assert resumed(path, known, *arguments) == names(3_000)

    path.write_text(table(*names(3_001)))
    assert resumed(path, known, *arguments) == ["e3000"]
    path.write_text(table(*names(2_999), "f2999", "f3000", "f3001"))
    assert resumed(path, known, *arguments) == [*names(2_999), "f2999", "f3000", "f3001"]


def test_a_file_that_was_never_read_is_read_once(path, known, monkeypatch):
    read = []
    chunks = content.Content.chunks
    monkeypatch.setattr(content.Content, "chunks", lambda self: read.append(self) or chunks(self))
    path.write_bytes(events(1_000))
    known["65536-" + "0" * 64 + ":90000-" + "0" * 64] = 90_000

    resumed(path, known)

    assert len(read) == 1
