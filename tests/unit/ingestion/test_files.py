"""Reading files: batches, positions, resuming, and what a file can do wrong."""

import codecs
import gzip
import io
import os
import sys
import tracemalloc
from datetime import UTC, datetime

import pytest

from identity_engine.errors import SourceError
from identity_engine.ingestion.envelope import IncomingInteraction, Rejected
from identity_engine.ingestion.files.content import CHUNK, HEAD
from identity_engine.ingestion.files.event_file import open_events
from identity_engine.ingestion.files.lines import KEPT, split_lines
from identity_engine.ingestion.json_text import MAX_LINE
from tests.corpus.bad_input.kinds import good

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def events(count: int, start: int = 0) -> bytes:
    return b"".join(good(id=f"e{number}") + b"\n" for number in range(start, start + count))


def read(path, **options):
    """All of a file: accepted ids, fault codes of the rejected, and the last position."""
    ids, codes, end = [], [], 0
    with open_events(path, **options) as opened:
        for batch in opened:
            end = batch.end
            for one in batch.decode(now=NOW):
                if isinstance(one, IncomingInteraction):
                    ids.append(one.id)
                else:
                    codes.append([fault.code for fault in one.faults])
    return ids, codes, end


def test_batches_hold_at_most_their_size_and_know_where_they_stand(tmp_path):
    path = tmp_path / "events.jsonl"
    text = events(5)
    path.write_bytes(text)

    with open_events(path, batch_size=2) as opened:
        batches = list(opened)
        assert opened.size == opened.bytes_read == len(text)

    assert [len(batch.lines) for batch in batches] == [2, 2, 1]
    assert [batch.numbers[0] for batch in batches] == [1, 3, 5]
    assert [batch.start for batch in batches] == [0, batches[0].end, batches[1].end]
    assert batches[-1].end == len(text)
    for batch in batches:
        for line, position in zip(batch.lines, batch.positions, strict=True):
            assert text[position:].startswith(line)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"calls.jsonl", "calls.jsonl"),
        ("Gespräche.gz".encode(), "Gespräche.gz"),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_file_is_called_by_its_name_without_the_folder(tmp_path, written, shown):
    path = tmp_path / os.fsdecode(written)
    path.write_bytes(events(1))

    with open_events(path) as opened:
        assert opened.name == shown


def test_gzip_is_known_by_its_first_bytes_and_positions_are_uncompressed(tmp_path):
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(events(700))
    packed.write_bytes(gzip.compress(events(300)) + gzip.compress(events(400, start=300)))

    assert read(plain) == read(packed)
    assert len(read(packed)[0]) == 700


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("stop", [1, 3, 150, 151])
def test_reading_starts_again_where_it_stopped(tmp_path, pack, stop):
    path = tmp_path / "events"
    path.write_bytes(pack(events(400)))
    with open_events(path, batch_size=stop) as opened:
        end = next(iter(opened)).end

    ids, _, _ = read(path, start_at=end)

    assert ids == [f"e{number}" for number in range(stop, 400)]
    with open_events(path, start_at=end) as opened:
        assert next(iter(opened)).numbers[0] == stop + 1


def test_the_name_of_a_file_is_no_part_of_its_fingerprint(tmp_path):
    fingerprints = set()
    for name, pack in (("a", bytes), ("b", bytes), ("c.gz", gzip.compress)):
        (tmp_path / name).write_bytes(pack(events(3)))
        with open_events(tmp_path / name) as opened:
            fingerprints.add(opened.fingerprint())

    assert len(fingerprints) == 1


def test_a_half_written_last_line_is_read_again_once_it_is_whole(tmp_path):
    path = tmp_path / "events.jsonl"
    text = events(2)
    path.write_bytes(text[:-20])
    ids, codes, end = read(path)
    assert (ids, codes) == (["e0"], [["truncated_json"]])

    path.write_bytes(text)

    assert read(path, start_at=end)[0] == ["e1"]


def test_a_last_line_without_ending_counts(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(events(2).rstrip())

    ids, _, end = read(path)

    assert ids == ["e0", "e1"]
    assert read(path, start_at=end) == ([], [], 0)


def test_empty_lines_and_windows_endings_and_a_mark_are_no_matter(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + events(2).replace(b"\n", b"\r\n") + b"\r\n  \n" + events(1))

    assert read(path)[:2] == (["e0", "e1", "e0"], [])


def test_an_empty_file_has_no_batch(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"")

    assert read(path) == ([], [], 0)


@pytest.mark.parametrize("length", [MAX_LINE + 1, 3 * CHUNK + MAX_LINE, 8 * MAX_LINE])
def test_a_line_over_the_limit_is_passed_over_and_its_beginning_kept(tmp_path, length):
    path = tmp_path / "events.jsonl"
    path.write_bytes(events(1) + b"x" * length + b"\n" + events(1, start=1))

    with open_events(path) as opened:
        (batch,) = opened
    first, long, last = batch.decode(now=NOW)

    assert isinstance(first, IncomingInteraction)
    assert isinstance(last, IncomingInteraction)
    assert isinstance(long, Rejected)
    assert [fault.code for fault in long.faults] == ["line_too_long"]
    assert (long.raw, long.is_cut) == (b"x" * KEPT, True)
    assert batch.numbers == [1, 2, 3]


def test_a_line_at_the_limit_is_whole():
    (line,) = [line for lines in split_lines([b"x" * MAX_LINE, b"\n"]) for line in lines]

    assert (line.fault, len(line.content)) == (None, MAX_LINE)


def test_a_gzip_bomb_is_never_held_in_memory(tmp_path):
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(64):
            file.write(b" " * (1024 * 1024))
        file.write(b"\n" + events(1))

    tracemalloc.start()
    ids, codes, _ = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (ids, codes) == (["e0"], [["line_too_long"]])
    assert peak < 8 * 1024 * 1024


def test_a_truncated_gzip_gives_what_was_read_and_then_its_fault(tmp_path):
    path = tmp_path / "events.gz"
    whole = gzip.compress(
        b"".join(good(id=f"e{n}", subject=f"{n * n:x}") + b"\n" for n in range(5000))
    )
    path.write_bytes(whole[: len(whole) // 2])

    ids, codes, end = read(path)

    assert 1000 < len(ids) < 4000
    assert codes == [["truncated_gzip"]]
    path.write_bytes(whole)
    assert read(path, start_at=end)[0] == [f"e{number}" for number in range(len(ids), 5000)]


def test_a_damaged_gzip_says_so(tmp_path):
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(events(3)) + b"garbage")

    assert read(path)[:2] == (["e0", "e1", "e2"], [["damaged_gzip"]])


def test_a_position_grows_with_every_batch_even_at_damage(tmp_path):
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(events(4)) + b"garbage")

    with open_events(path, batch_size=2) as opened:
        ends = [batch.end for batch in opened]

    assert len(ends) == 3
    assert ends == sorted(set(ends))


def test_standard_input_is_read_and_left_open(monkeypatch):
    stream = io.BytesIO(gzip.compress(events(3)))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(stream)))

    with open_events("-") as opened:
        assert opened.size is None
        assert opened.fingerprint()
        lines = [line for batch in opened for line in batch.lines]

    assert len(lines) == 3
    assert not sys.stdin.closed


def test_a_live_stream_does_not_wait_for_a_full_batch(monkeypatch):
    class Trickle(io.RawIOBase):
        arrivals = iter([events(1), events(2, start=1), b""])

        def readable(self):
            return True

        def readinto(self, into):
            some = next(self.arrivals)
            into[: len(some)] = some
            return len(some)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Trickle(), HEAD)))

    with open_events("-") as opened:
        assert [len(batch.lines) for batch in opened] == [1, 2]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no file"),
        (lambda path: path.mkdir(), "folder"),
        (lambda path: path.write_bytes("é".encode("utf-16")), "UTF-16"),
        (lambda path: path.write_bytes(codecs.BOM_UTF16_BE + "é".encode("utf-16-be")), "UTF-16"),
        (lambda path: path.write_bytes("é".encode("utf-32")), "UTF-32"),
        (lambda path: path.write_bytes(codecs.BOM_UTF32_BE + "é".encode("utf-32-be")), "UTF-32"),
        (lambda path: path.write_bytes(b"[\n" + events(2)), "one JSON array"),
        (lambda path: path.write_bytes(b"[" + good() + b",\n" + good() + b"]\n"), "one JSON array"),
        (lambda path: path.write_bytes(b"\n[ {\r\n  "), "one JSON array"),
    ],
)
def test_what_cannot_be_read_at_all_says_cause_and_fix(tmp_path, make, words):
    path = tmp_path / "events.jsonl"
    make(path)

    with pytest.raises(SourceError, match=words) as raised:
        open_events(path)

    assert raised.value.fix.endswith(".")


def test_an_array_in_one_line_costs_that_line_alone(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"[]\n" + events(1))

    assert read(path)[:2] == (["e0"], [["not_an_object"]])


def test_a_mapping_belongs_to_csv(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(events(1))

    with pytest.raises(SourceError, match="--mapping"):
        open_events(path, "csv")
    with pytest.raises(SourceError, match="csv"):
        open_events(path, mapping=path)
