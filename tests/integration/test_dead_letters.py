"""Dead letters keep what came in, tell nobody, and come back to be decoded again."""

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from identity_engine.event_store.dead_letter_table import SCHEMA
from identity_engine.event_store.sqlite.folder import Folder
from identity_engine.ingestion.dead_letters import (
    MAX_ORIGINAL,
    DamagedLetterError,
    DeadLetters,
)
from identity_engine.ingestion.envelope import IncomingInteraction, decode
from identity_engine.ingestion.faults import Rejected, fault
from tests.corpus.bad_input.kinds import CANARY, KINDS, good

NOW = datetime(2026, 2, 1, tzinfo=UTC)
STREAM = "65536-abc"


class Keys:
    """A key ring in memory."""

    def __init__(self):
        self.keys: dict[date, bytes] = {}
        self.destroyed: set[date] = set()

    def day_key(self, day):
        if day in self.destroyed:
            raise LookupError(day)
        return self.keys.setdefault(day, os.urandom(32))


@pytest.fixture
def keys():
    return Keys()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dead_letters.db"


@pytest.fixture
def letters(path, keys):
    with DeadLetters(Folder(path.parent).dead_letters(SCHEMA), keys) as opened:
        yield opened


def rejected(raw=b"raw", *codes):
    return Rejected(raw, tuple(fault(code) for code in codes or ("not_json",)))


def add(letters, *pairs, at=NOW, stream=STREAM, file=None):
    letters.add(pairs, stream=stream, received_at=at, file=file)


def on_disk(path):
    return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))


def test_what_is_added_is_listed_and_opens_to_the_same_bytes(letters):
    for number, kind in enumerate(KINDS):
        refused = decode(kind.line[:MAX_ORIGINAL], now=NOW)
        assert isinstance(refused, Rejected)
        add(letters, (number, refused))

    listed = letters.list(limit=500)

    assert len(listed) == len(KINDS)
    for letter, kind in zip(listed, KINDS, strict=True):
        assert (letter.stream, letter.received_at, letter.state) == (STREAM, NOW, "open")
        opened = letters.get(letter.id)
        assert opened is not None
        assert opened.raw == kind.line[:MAX_ORIGINAL]
        assert opened.letter == letter


def test_the_file_shows_nothing_of_the_originals_and_is_private(letters, path):
    add(letters, *((number, decode(kind.line, now=NOW)) for number, kind in enumerate(KINDS)))

    assert CANARY.encode() not in on_disk(path).lower()
    for file in path.parent.glob(path.name + "*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_commit_is_synced(letters):
    assert letters._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert letters._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_added_letters_are_there_for_the_next_process(letters, path, keys):
    add(letters, (0, rejected()))

    with DeadLetters(Folder(path.parent).dead_letters(SCHEMA), keys) as again:
        assert [letter.position for letter in again.list()] == [0]


def test_the_same_position_again_is_counted_and_adds_no_row(letters):
    add(letters, (7, rejected(b"half")))
    add(letters, (7, rejected(b"whole", "too_deep")), (8, rejected()))
    add(letters, (7, rejected()), stream="another")

    seven, eight, other = letters.list()

    assert (seven.position, seven.count, seven.faults[0].code) == (7, 2, "too_deep")
    assert letters.get(seven.id).raw == b"whole"
    assert (eight.count, other.count, other.stream) == (1, 1, "another")


def test_a_batch_is_added_whole_or_not_at_all(letters):
    with pytest.raises(sqlite3.Error):
        add(letters, (0, rejected()), ("no position", rejected()))

    assert letters.list() == []


def test_listing_goes_on_after_an_id_and_filters_by_state(letters):
    add(letters, *((number, rejected()) for number in range(5)))
    first = letters.list(limit=2)
    letters.mark([first[0].id], "redriven")

    rest = letters.list(limit=10, after=first[-1].id)

    assert [letter.position for letter in [*first, *rest]] == [0, 1, 2, 3, 4]
    assert [letter.position for letter in letters.list("redriven")] == [0]
    assert [letter.position for letter in letters.list("open")] == [1, 2, 3, 4]


def test_there_is_no_letter_with_an_unknown_id(letters):
    assert letters.get(17) is None


def test_counts_are_by_fault_code(letters):
    add(letters, (0, rejected(b"", "too_deep", "not_json")), (1, rejected(b"", "not_json")))
    add(letters, (2, rejected(b"", "not_json", "not_json")))
    letters.mark([1], "redriven")

    assert letters.counts() == {"not_json": 2}
    assert letters.counts(None) == {"not_json": 3, "too_deep": 1}


def test_what_is_redriven_decodes_once_the_reason_is_gone(letters):
    early = good(time="2026-02-01T01:00:00Z")
    add(letters, (0, decode(early, now=NOW)), (1, rejected(b"still bad")))

    passed = [
        letter_id
        for letter_id, raw in letters.redrive()
        if isinstance(decode(raw, now=NOW + timedelta(hours=1)), IncomingInteraction)
    ]

    assert letters.mark(passed, "redriven") == 1
    assert [raw for _, raw in letters.redrive()] == [b"still bad"]
    assert list(letters.redrive(passed)) == []


def test_a_redriven_letter_that_fails_again_is_open_again(letters):
    add(letters, (0, rejected()), (1, rejected()))
    letters.mark([1, 2], "redriven")

    add(letters, (0, rejected()))

    assert [letter.state for letter in letters.list()] == ["open", "redriven"]


def test_only_an_open_letter_is_marked(letters):
    add(letters, (0, rejected()), (1, rejected()))
    letters.mark([1], "redriven")

    assert letters.mark([1, 2], "closed") == 1

    assert letters.states([2, 1]) == {2: "closed", 1: "redriven"}


def test_letters_may_be_marked_while_they_are_redriven(letters):
    add(letters, *((number, rejected(b"%d" % number)) for number in range(1_200)))

    for letter_id, _ in letters.redrive():
        letters.mark([letter_id], "redriven")

    assert letters.list("open") == []


def test_a_giant_is_cut_at_one_mebibyte_and_not_redriven(letters):
    add(letters, (0, rejected(b"x" * (MAX_ORIGINAL + 1))), (1, rejected(b"x" * MAX_ORIGINAL)))

    cut, whole = letters.list()

    assert (cut.is_truncated, whole.is_truncated) == (True, False)
    assert len(letters.get(cut.id).raw) == MAX_ORIGINAL
    assert [letter_id for letter_id, _ in letters.redrive()] == [whole.id]


def test_a_line_of_which_the_reader_kept_the_beginning_is_not_redriven(letters):
    add(letters, (0, replace(rejected(b"x"), is_cut=True)))

    (cut,) = letters.list()

    assert cut.is_truncated
    assert list(letters.redrive()) == []


def test_each_day_has_its_key_and_a_destroyed_day_stays_shut(letters, keys):
    add(letters, (0, rejected(b"old")), at=NOW - timedelta(days=1))
    add(letters, (1, rejected(b"new")))
    assert len(set(keys.keys.values())) == 2

    keys.destroyed.add((NOW - timedelta(days=1)).date())

    old, new = letters.list()
    assert letters.get(old.id).raw is None
    assert letters.get(new.id).raw == b"new"
    assert [raw for _, raw in letters.redrive()] == [b"new"]


def test_letters_before_a_day_are_dropped_from_the_file(letters, path):
    for days in range(4):
        add(letters, (days, rejected(b"x" * 100)), at=NOW - timedelta(days=days))
    sealed = letters._database.execute("SELECT sealed FROM dead_letters ORDER BY id").fetchall()

    assert letters.drop_before(NOW.date() - timedelta(days=1)) == 2

    assert [letter.position for letter in letters.list()] == [0, 1]
    content = on_disk(path)
    assert [row[0] in content for row in sealed] == [True, True, False, False]
    assert letters.drop_before(date(2000, 1, 1)) == 0


def test_erasure_finds_a_person_in_every_state(letters):
    add(letters, (0, rejected(b"about anna")), (1, rejected(b"about ben")), (2, rejected(b"anna")))
    letters.mark([1], "redriven")

    assert letters.erase(lambda raw: b"anna" in raw) == 2

    assert [letter.position for letter in letters.list()] == [1]


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE dead_letters SET sealed = CAST(substr(sealed, 1, 20) || x'00' AS BLOB)",
        "UPDATE dead_letters SET position = position + 10",
        "UPDATE dead_letters SET stream = 'another'",
        "UPDATE dead_letters SET sealed = (SELECT sealed FROM dead_letters WHERE id = 2)",
    ],
)
def test_a_changed_letter_is_refused_and_stops_no_other(letters, tamper):
    add(letters, (0, rejected(b"first letter")), (1, rejected(b"second letter")))
    letters._database.execute(tamper + " WHERE id = 1")

    with pytest.raises(DamagedLetterError):
        letters.get(1)
    assert [raw for _, raw in letters.redrive()] == [b"second letter"]


def test_threads_may_add_at_once(letters):
    def work(stream):
        for number in range(20):
            add(letters, (number, rejected()), stream=stream)

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(letters.list(limit=500)) == 80


class TestTheFileItIsFrom:
    NAME = "calls of Änne Zwerenz.jsonl"

    def test_is_listed_and_lies_sealed(self, letters, path):
        add(letters, (0, rejected()), file=self.NAME)
        add(letters, (0, rejected()), stream="kafka:calls:0:topic-id")

        named, other = letters.list()

        assert (named.file, other.file) == (self.NAME, None)
        assert letters.get(named.id).letter == named
        assert b"Zwerenz" not in on_disk(path)

    def test_is_the_one_where_the_same_content_was_met_last(self, letters):
        add(letters, (0, rejected()), at=NOW - timedelta(days=1), file="before.jsonl")
        add(letters, (0, rejected()), file="after.jsonl")

        assert [letter.file for letter in letters.list()] == ["after.jsonl"]

    def test_is_unknown_once_the_key_of_the_day_is_destroyed(self, letters, keys):
        add(letters, (0, rejected()), file=self.NAME)
        keys.destroyed.add(NOW.date())

        assert [letter.file for letter in letters.list()] == [None]

    @pytest.mark.parametrize(
        "tamper", ["file = sealed", "file = x'00'", "file = (SELECT file FROM dead_letters)"]
    )
    def test_is_unknown_where_it_was_changed_from_outside_and_the_rest_is_shown(
        self, letters, tamper
    ):
        add(letters, (0, rejected()), (1, rejected(b"second")), file=self.NAME)
        letters._database.execute(f"UPDATE dead_letters SET {tamper} WHERE id = 2")

        assert [letter.file for letter in letters.list()] == [self.NAME, None]
        assert letters.get(2).raw == b"second"

    def test_is_unknown_to_a_file_of_before_which_keeps_the_next(self, letters, path, keys):
        add(letters, (0, rejected(b"before")))
        letters._database.execute("ALTER TABLE dead_letters DROP COLUMN file")
        start = threading.Barrier(4)

        def opened():
            start.wait()
            return DeadLetters(Folder(path.parent).dead_letters(SCHEMA), keys)

        with ThreadPoolExecutor(4) as pool:
            first, *others = [one.result() for one in [pool.submit(opened) for _ in range(4)]]
        for one in others:
            one.close()
        with first as again:
            add(again, (1, rejected()), file=self.NAME)
            assert [letter.file for letter in again.list()] == [None, self.NAME]
            assert again.get(1).raw == b"before"
