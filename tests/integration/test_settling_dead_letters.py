"""What people do with dead letters, on both databases: drive some again, close some."""

import pytest

from identity_engine import Engine
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


class TestRedriving:
    def test_only_those_of_the_ids_are_read_again(self, engine):
        assert engine.redrive([1, 3]).read == 2

    @pytest.mark.parametrize("unknown", [4, -1, BEYOND])
    def test_an_unknown_id_is_refused(self, engine, unknown):
        with pytest.raises(NotFound, match=f"the id {unknown};"):
            engine.redrive([1, unknown])
