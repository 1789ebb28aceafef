"""What people do with dead letters, on both databases: see where they are from, drive some again, close
some."""

import pytest

from identity_engine import Engine
from identity_engine.application.operations.dead_letters import Closing
from identity_engine.errors import NotFound
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.sqlite.folder import Folder
from tests.support.postgres import shared_server
from tests.support.world import world

BEYOND = 10**20
"""An id that no database counts up to."""


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path):
    """An engine with three dead letters, whose ids are 1, 2 and 3."""
    place, address = Folder(tmp_path / "store"), None
    if request.param == "postgres":
        address = shared_server().database()
        place = Server(address, tmp_path / "master.key")
    with Engine(place, world()) as opened:
        (tmp_path / "bad.jsonl").write_bytes(b"first\nsecond\nthird\n")
        opened.ingest_file(tmp_path / "bad.jsonl")
        yield opened
    if address is not None:
        shared_server().drop(address)


def test_each_tells_the_file_that_it_is_from(engine, tmp_path):
    (tmp_path / "more.jsonl").write_bytes(b"fourth\n")
    engine.ingest_file(tmp_path / "more.jsonl")

    listed = engine.desk.dead_letters.list()

    assert [letter.file for letter in listed] == [*["bad.jsonl"] * 3, "more.jsonl"]


class TestRedriving:
    def test_only_those_of_the_ids_are_read_again(self, engine):
        assert engine.redrive([1, 3]).read == 2

    @pytest.mark.parametrize("unknown", [4, -1, BEYOND])
    def test_an_unknown_id_is_refused(self, engine, unknown):
        with pytest.raises(NotFound, match=f"the id {unknown};"):
            engine.redrive([1, unknown])


def in_state(engine, state):
    return [letter.id for letter in engine.desk.dead_letters.list(state)]


class TestClosing:
    def test_what_is_closed_waits_no_more_and_is_still_there(self, engine):
        done = engine.desk.dead_letters.close([1, 3])

        assert done == Closing(closed=(1, 3))
        assert in_state(engine, "open") == [2]
        assert in_state(engine, "closed") == [1, 3]
        assert {letter.state for letter in engine.dead_letters.list()} == {"open", "closed"}
        assert engine.dead_letters.counts() == {"not_json": 1}
        assert engine.dead_letters.counts("closed") == {"not_json": 2}
        assert engine.desk.dead_letters.original(1).raw == b"first"

    def test_what_is_closed_is_not_driven_again(self, engine):
        engine.desk.dead_letters.close([1])

        assert engine.redrive().read == 2
        assert engine.redrive([1]).read == 0

    def test_what_is_no_longer_open_is_told_and_stays_what_it_is(self, engine):
        engine.dead_letters.mark([2], "redriven")
        engine.desk.dead_letters.close([3])

        done = engine.desk.dead_letters.close([1, 2, 3, 1])

        assert done == Closing(closed=(1,), closed_before=(3,), redriven_before=(2,))
        assert in_state(engine, "redriven") == [2]
        assert in_state(engine, "closed") == [1, 3]

    @pytest.mark.parametrize("unknown", [4, -1, BEYOND])
    def test_an_unknown_id_is_refused_and_none_is_closed(self, engine, unknown):
        with pytest.raises(NotFound, match=f"the id {unknown};"):
            engine.desk.dead_letters.close([1, unknown])

        assert in_state(engine, "open") == [1, 2, 3]

    def test_a_dry_run_tells_the_same_and_closes_none(self, engine):
        engine.desk.dead_letters.close([3])

        tried = engine.desk.dead_letters.close([1, 3], dry_run=True)

        assert in_state(engine, "open") == [1, 2]
        assert tried == engine.desk.dead_letters.close([1, 3])

    def test_what_comes_in_and_is_refused_once_more_is_open_again(self, engine, tmp_path):
        engine.desk.dead_letters.close([1, 2, 3])

        engine.ingest_file(tmp_path / "bad.jsonl", again=True)

        assert in_state(engine, "open") == [1, 2, 3]
