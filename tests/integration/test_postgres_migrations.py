"""Migrations of a store on PostgreSQL: in two phases, once, by one at a time, and never changed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from identity_engine import Engine
from identity_engine.errors import ConfigurationError, StoreBusy
from identity_engine.event_store.postgres import schema as schema
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.postgres.schema import Migration, migrate, migrations, standing
from tests.support.interactions import event, phone
from tests.support.postgres import shared_server
from tests.support.world import world

MADE_BEFORE_PHASES = """
CREATE TABLE public.identity_engine_migration (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO public.identity_engine_migration (number, name) VALUES (1, 'store');
"""
ADDS = Migration(9001, "adds", "pre", "CREATE TABLE identity_engine.added (one bigint);")
TAKES_AWAY = Migration(9002, "takes_away", "post", "DROP TABLE identity_engine.added;")


@pytest.fixture
def empty():
    """The address of a database without a store."""
    server = shared_server()
    address = server.database(migrated=False)
    yield address
    server.drop(address)


@pytest.fixture
def connection(empty):
    with psycopg.connect(empty, autocommit=True) as opened:
        yield opened


@pytest.fixture
def released(monkeypatch):
    """Let this version have these migrations besides."""

    def release(*added):
        monkeypatch.setattr(schema, "migrations", lambda: [*migrations(), *added])

    return release


def opened(address, tmp_path):
    return Engine(Server(address, tmp_path / "master.key"), world())


def still_there(connection):
    """Whether the ledger of before is."""
    (found,) = connection.execute(
        "SELECT to_regclass('public.identity_engine_migration') IS NOT NULL"
    ).fetchone()
    return found


def numbers(found):
    return [one.number for one in found]


class TestMigrating:
    def test_a_database_without_a_store_is_refused_with_the_fix(self, empty, tmp_path):
        with pytest.raises(ConfigurationError, match="store migrate"):
            opened(empty, tmp_path)

    def test_everything_is_applied_once(self, connection):
        assert sorted(numbers(migrate(connection))) == numbers(migrations())
        assert migrate(connection) == []
        assert numbers(standing(connection).applied) == numbers(migrations())

    def test_what_is_there_afterwards_can_be_used_at_once(self, connection, empty, tmp_path):
        migrate(connection)
        with opened(empty, tmp_path) as engine:
            assert engine.ingest([event("1", phone())])[0].status == "accepted"

    def test_a_fault_undoes_the_whole_file_and_the_next_try_goes_on(self, connection, released):
        broken = ADDS._replace(sql=ADDS.sql + "SELECT 1 / 0;")
        released(broken)
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection)
        assert 9001 not in numbers(standing(connection).applied)

        released(ADDS)
        assert numbers(migrate(connection, ["pre"])) == [9001]

    def test_of_many_at_once_one_migrates_and_the_others_are_told_or_find_it_done(self, empty):
        start = Barrier(4)

        def run(_):
            with psycopg.connect(empty, autocommit=True) as own:
                start.wait()
                try:
                    return len(migrate(own))
                except StoreBusy:
                    return 0

        with ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(run, range(4)))
        assert sorted(counts) == [0, 0, 0, len(migrations())]

    def test_a_lock_that_somebody_holds_is_told_and_what_was_applied_stays(
        self, connection, empty, released, monkeypatch
    ):
        monkeypatch.setattr(schema, "LOCK_TIMEOUT", "100ms")
        migrate(connection)
        waits = "ALTER TABLE identity_engine.stored_events ADD COLUMN more bigint;"
        released(ADDS, Migration(9003, "waits", "pre", waits))
        with psycopg.connect(empty) as other:
            other.execute("SELECT 1 FROM identity_engine.stored_events")
            with pytest.raises(StoreBusy, match="lock"):
                migrate(connection)
        assert numbers(migrate(connection)) == [9003]


def test_dead_letters_of_before_are_listed_without_a_file(connection, empty, tmp_path):
    migrate(connection)
    (tmp_path / "bad.jsonl").write_bytes(b"before\n")
    with opened(empty, tmp_path) as engine:
        engine.ingest_file(tmp_path / "bad.jsonl")
    connection.execute("ALTER TABLE identity_engine_dead_letters.dead_letters DROP COLUMN file")
    connection.execute("DELETE FROM identity_engine_ledger.migration WHERE number = 5")

    assert numbers(migrate(connection, ["pre"])) == [5]

    (tmp_path / "more.jsonl").write_bytes(b"after\n")
    with opened(empty, tmp_path) as engine:
        engine.ingest_file(tmp_path / "more.jsonl")
        listed = engine.desk.dead_letters.list()
        assert [letter.file for letter in listed] == [None, "more.jsonl"]
        assert engine.desk.dead_letters.original(1).raw == b"before"


class TestTwoPhases:
    def test_pre_adds_while_the_version_before_works_on(
        self, connection, empty, tmp_path, released
    ):
        migrate(connection)
        with opened(empty, tmp_path) as before:
            released(ADDS, TAKES_AWAY)
            assert numbers(migrate(connection, ["pre"])) == [9001]
            assert before.ingest([event("1", phone())])[0].status == "accepted"
        with opened(empty, tmp_path) as after:  # it does not need what is still to be taken away
            assert after.store.head()
        released()
        with opened(empty, tmp_path) as before:  # and may be started again
            assert before.store.head()

        released(ADDS, TAKES_AWAY)
        assert numbers(migrate(connection, ["post"])) == [9002]

    def test_pre_of_all_releases_comes_first(self, connection, released):
        released(ADDS, TAKES_AWAY, Migration(9003, "adds_too", "pre", "SELECT 1;"))
        found = [one for one in migrate(connection) if one.number > 9000]
        assert [(one.number, one.phase) for one in found] == [
            (9001, "pre"),
            (9003, "pre"),
            (9002, "post"),
        ]

    def test_post_is_refused_before_pre(self, connection, released):
        migrate(connection)
        released(ADDS, TAKES_AWAY)
        with pytest.raises(ConfigurationError, match="--phase pre"):
            migrate(connection, ["post"])

    def test_a_store_that_is_behind_is_refused_with_the_fix(
        self, connection, empty, tmp_path, released
    ):
        migrate(connection)
        released(ADDS)
        with pytest.raises(ConfigurationError, match=r"older than this version.*--phase pre"):
            opened(empty, tmp_path)

    def test_a_store_from_which_a_newer_version_took_away_is_refused(
        self, connection, empty, tmp_path, released
    ):
        released(ADDS, TAKES_AWAY)
        migrate(connection)
        released()
        with pytest.raises(ConfigurationError, match="newer"):
            opened(empty, tmp_path)
        with pytest.raises(ConfigurationError, match="newer"):
            migrate(connection)


class TestTwoVersionsAtOnce:
    def test_an_older_one_leaves_newer_views_alone_and_writes_on(self, connection, empty, tmp_path):
        migrate(connection)
        with opened(empty, tmp_path) as older:
            (known,) = older.ingest([event("1", phone())])
            older.follow()
            connection.execute("UPDATE identity_engine.live_views SET version = version + 1")
            with pytest.raises(ConfigurationError, match="views of this store are of a newer"):
                older.profile(known.contact_id)
            assert older.ingest([event("2", phone())])[0].status == "accepted"
            connection.execute("UPDATE identity_engine.live_views SET version = 0")
            assert older.profile(known.contact_id).contact_id == known.contact_id

    def test_an_older_one_writes_nothing_over_a_newer_index(self, connection, empty, tmp_path):
        migrate(connection)
        with opened(empty, tmp_path) as older:
            older.ingest([event("1", phone())])
            head = older.store.head()
            connection.execute("UPDATE identity_engine.index_version SET number = number + 1")
            with pytest.raises(ConfigurationError, match="replaced the match index"):
                older.ingest([event("2", phone())])
            assert older.store.head() == head


class TestTheLedger:
    def test_a_file_that_was_changed_after_it_was_applied_is_refused(self, connection, released):
        released(ADDS)
        migrate(connection)
        released(ADDS._replace(sql="CREATE TABLE identity_engine.other (one bigint);"))
        with pytest.raises(ConfigurationError, match="9001_pre_adds is not the one"):
            migrate(connection)

    def test_a_store_from_before_the_phases_is_taken_over(self, connection, empty, tmp_path):
        first, *_ = migrations()
        connection.execute(first.sql.encode())
        connection.execute(MADE_BEFORE_PHASES.encode())

        assert 1 not in numbers(migrate(connection, ["pre"]))
        assert still_there(connection)
        with opened(empty, tmp_path) as engine:
            engine.ingest([event("1", phone())])
        migrate(connection)
        assert not still_there(connection)
