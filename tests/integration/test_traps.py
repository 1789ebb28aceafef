"""A test for each trap that was found in the event-sourcing library.

T3, a projection that fails, has its own file: `test_parking.py`.
"""

import shutil
import sqlite3
import sys
from datetime import timedelta

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteConnection, SQLiteCursor

from identity_engine import Engine
from identity_engine.application.resolution.resolve import SMALL_BATCH
from identity_engine.errors import ConfigurationError, StoreError, UnknownTopic, Unreadable
from identity_engine.event_store import sqlite_files
from identity_engine.event_store.sqlite.recorder import Datastore, Recorder
from tests.support.interactions import customer, event, phone
from tests.support.world import LATER, Clock, world

RECEIVED = "interaction.received"
BATCH = [event(str(number), phone(), customer(f"C-{number}")) for number in range(SMALL_BATCH + 1)]
"""One more than is decided under the write lock at once, so that its read set is checked."""


@pytest.fixture
def engine(tmp_path):
    with Engine.open(tmp_path / "store", world()) as opened:
        yield opened


def database(engine):
    """The event file, opened past the engine, as its owner could."""
    connection = sqlite3.connect(engine.store.place.path / "events.db", isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def rows_of(connection, topic):
    return connection.execute(
        "SELECT * FROM stored_events WHERE topic = ? ORDER BY rowid", (topic,)
    ).fetchall()


class TestT2UserDataLooksLikeAType:
    def test_free_data_with_the_keys_of_a_transcoder_is_read_back_as_it_came(self, engine):
        trap = {"_type_": "uuid_hex", "_data_": "not hexadecimal"}

        (outcome,) = engine.ingest([event("1", attributes=trap)])

        received = engine.store.read_stream(outcome.interaction_id)[0].fact
        assert received.personal.attributes == '{"_data_":"not hexadecimal","_type_":"uuid_hex"}'
        assert all(verdict.is_sound for verdict in followed(engine))


class TestT4NoSubscription:
    def test_the_views_follow_a_recorder_that_cannot_be_subscribed_to(self, tmp_path, engine):
        with pytest.raises(NotImplementedError):
            engine.store.log.subscribe()
        with Engine.open(tmp_path / "store", world(2)) as reader:
            assert reader.counts()["in review"] == 0

            engine.ingest([event("1", phone())])

            assert reader.counts()["ephemeral"] == 1


class TestT6TheAnswerToCommitGetsLost:
    @pytest.fixture
    def batch(self, engine, monkeypatch):
        """The arguments with which the resolver appended a batch whose COMMIT got no answer."""
        calls = []
        stage = engine.store.stage

        def remembered(events, **arguments):
            calls.append((events, arguments))
            return stage(events, **arguments)

        monkeypatch.setattr(engine.store, "stage", remembered)
        with monkeypatch.context() as deaf:
            deaf.setattr(SQLiteConnection, "commit", commit_and_lose_the_answer)
            with pytest.raises(StoreError, match="what was stored is kept"):
                engine.ingest(BATCH)
        assert len(calls) == 1
        return calls[0]

    def test_appending_the_same_events_again_answers_with_their_positions(self, engine, batch):
        events, _ = batch
        head = engine.store.head()
        assert head >= len(events)

        positions = engine.store.append(events)

        assert positions == range(head - len(events) + 1, head + 1)
        assert engine.store.head() == head

    def test_it_does_so_with_the_read_set_of_the_decision_too(self, engine, batch):
        events, arguments = batch
        head = engine.store.head()

        positions = engine.store.append(events, **arguments)

        assert positions == range(head - len(events) + 1, head + 1)
        assert engine.store.head() == head

    def test_the_publisher_who_sends_again_gets_duplicates(self, engine, batch):
        head = engine.store.head()

        outcomes = engine.ingest(BATCH)

        assert {outcome.status for outcome in outcomes} == {"duplicate"}
        assert engine.store.head() == head


class TestT7NotificationIds:
    @pytest.fixture
    def recorder(self, tmp_path):
        datastore = Datastore(tmp_path / "events.db")
        recorder = Recorder(datastore)
        recorder.create_table()
        yield recorder
        datastore.close()

    def test_an_id_is_not_given_again_after_the_last_rows_were_deleted(self, recorder):
        recorder.insert_events([stored(version) for version in (1, 2, 3)])
        execute(recorder, "DELETE FROM stored_events WHERE rowid > 1")

        assert recorder.insert_events([stored(2)]) == [4]

    def test_an_interrupt_at_the_moment_of_the_lock_keeps_none(self, recorder, monkeypatch):
        class Interrupted(sqlite3.Cursor):
            def execute(self, *given):
                super().execute(*given)
                raise KeyboardInterrupt

        def interrupted(connection):
            return SQLiteCursor(Interrupted(connection._sqlite_conn))

        with monkeypatch.context() as patch:
            patch.setattr(SQLiteConnection, "cursor", interrupted)
            with pytest.raises(KeyboardInterrupt):
                recorder.writing().__enter__()

        assert recorder.insert_events([stored(1)]) == [1]

    def test_ids_stay_when_the_file_is_rewritten(self, recorder):
        recorder.insert_events([stored(version) for version in (1, 2, 3)])
        execute(recorder, "DELETE FROM stored_events WHERE rowid = 2")

        execute(recorder, "VACUUM")

        assert [n.id for n in recorder.select_notifications(None, 10)] == [1, 3]
        assert recorder.insert_events([stored(2)]) == [4]

    def test_ids_stay_when_the_log_is_dumped_and_loaded(self, recorder, tmp_path):
        recorder.insert_events([stored(version) for version in (1, 2, 3)])
        execute(recorder, "DELETE FROM stored_events WHERE rowid <> 2")
        with sqlite3.connect(tmp_path / "events.db") as source:
            dump = "\n".join(source.iterdump())
        source.close()
        with sqlite3.connect(tmp_path / "loaded.db") as target:
            target.executescript(dump)
        target.close()

        datastore = Datastore(tmp_path / "loaded.db")
        loaded = Recorder(datastore)
        assert [n.id for n in loaded.select_notifications(None, 10)] == [2]
        assert loaded.insert_events([stored(1)]) == [4]
        datastore.close()


class TestT8Durability:
    def test_every_connection_to_the_log_syncs_each_commit(self, engine):
        with engine.store.reading() as first, engine.store.reading() as second:
            for cursor in (first, second):
                assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
                assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_the_key_store_syncs_each_commit(self, engine):
        assert engine.store.keys._connection.execute("PRAGMA synchronous").fetchone() == (2,)

    def test_a_build_of_sqlite_that_refuses_to_sync_is_refused(self):
        class Careless(sqlite3.Connection):
            def execute(self, statement, *arguments):
                return super().execute(statement.replace("FULL", "NORMAL"), *arguments)

        connection = sqlite3.connect(":memory:", factory=Careless, isolation_level=None)
        with pytest.raises(ConfigurationError, match="synchronous=FULL"):
            sqlite_files.configure(connection, in_memory=True, durable=True, cache_mib=1)
        connection.close()

    def test_no_commit_runs_a_checkpoint(self, engine):
        with engine.store.reading() as cursor:
            assert cursor.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)

    def test_a_large_write_ahead_log_is_moved_into_the_file_after_the_commit(
        self, engine, tmp_path, monkeypatch
    ):
        wal = tmp_path / "store" / "events.db-wal"
        engine.ingest([event("1", phone())])
        assert wal.stat().st_size > 0

        monkeypatch.setattr("identity_engine.event_store.sqlite.recorder.CHECKPOINT_BYTES", 1)
        engine.ingest([event("2", phone())])

        assert wal.stat().st_size == 0
        assert engine.ingest([event("2", phone())])[0].status == "duplicate"


class TestT9TopicsAreNamesNotPaths:
    def test_a_topic_in_the_table_never_imports_a_module(self, engine):
        engine.ingest([event("1", phone())])
        with database(engine) as file:
            file.execute("UPDATE stored_events SET topic = 'antigravity:geohash' WHERE rowid = 3")
        file.close()

        with pytest.raises(UnknownTopic, match="Position 3"):
            engine.store.read(0, 10)

        assert "antigravity" not in sys.modules


class TestT10CiphertextsAreBoundToTheirPlace:
    @pytest.fixture
    def two(self, engine):
        engine.ingest([event("1", phone("+81311111111")), event("2", phone("+81322222222"))])
        with database(engine) as file:
            yield file, rows_of(file, RECEIVED)
        file.close()

    def test_states_swapped_between_two_streams_are_unreadable(self, engine, two):
        file, (one, other) = two
        put_state(file, one["rowid"], other["state"])
        put_state(file, other["rowid"], one["state"])

        for row in (one, other):
            with pytest.raises(Unreadable, match=f"position {row['rowid']} "):
                engine.store.read_positions([row["rowid"]])

    def test_only_the_ciphertexts_swapped_are_unreadable(self, engine, two):
        file, (one, other) = two
        put_state(file, one["rowid"], clear(one["state"]) + sealed(other["state"]))

        with pytest.raises(Unreadable):
            engine.store.read_positions([one["rowid"]])

    def test_an_event_moved_to_another_stream_is_unreadable(self, engine, two):
        file, (one, other) = two
        file.execute(
            "UPDATE stored_events SET originator_id = ?, originator_version = 99 WHERE rowid = ?",
            (other["originator_id"], one["rowid"]),
        )

        with pytest.raises(Unreadable):
            engine.store.read_positions([one["rowid"]])

    def test_an_event_given_another_version_is_unreadable(self, engine, two):
        file, (one, _) = two
        file.execute(
            "UPDATE stored_events SET originator_version = 99 WHERE rowid = ?", (one["rowid"],)
        )

        with pytest.raises(Unreadable):
            engine.store.read_positions([one["rowid"]])

    def test_an_event_given_another_subject_is_unreadable(self, engine, two):
        file, (one, other) = two
        subjects = [stream_text(row["originator_id"]).encode() for row in (one, other)]
        assert subjects[0] in one["state"]
        put_state(file, one["rowid"], one["state"].replace(*subjects))

        with pytest.raises(Unreadable):
            engine.store.read_positions([one["rowid"]])

    def test_one_changed_bit_is_unreadable(self, engine, two):
        file, (one, _) = two
        put_state(file, one["rowid"], one["state"][:-1] + bytes([one["state"][-1] ^ 1]))

        with pytest.raises(Unreadable):
            engine.store.read_positions([one["rowid"]])

    def test_a_cut_event_is_unreadable(self, engine, two):
        file, (one, _) = two
        for length in (0, 1, 5, 40, len(clear(one["state"])), len(one["state"]) - 1):
            put_state(file, one["rowid"], one["state"][:length])
            with pytest.raises(Unreadable):
                engine.store.read_positions([one["rowid"]])


class TestT12ALogThatWasRolledBack:
    """The event file is put back from an older copy; the views have seen what came after it."""

    @pytest.fixture
    def folder(self, tmp_path):
        folder, copy = tmp_path / "store", tmp_path / "copy.db"
        with Engine.open(folder, world()) as engine:
            engine.ingest([event("1", phone())])
        shutil.copy(folder / "events.db", copy)
        with Engine.open(folder, world(2, Clock(LATER + timedelta(hours=1)))) as engine:
            engine.ingest([event("2", phone())])
            engine.follow()
        shutil.copy(copy, folder / "events.db")
        return folder

    def test_the_views_refuse_it_and_say_what_to_do(self, folder):
        with Engine.open(folder, world(3)) as engine, pytest.raises(StoreError, match="Delete the"):
            engine.follow()

    def test_they_do_so_when_the_same_positions_were_given_again_to_others(self, folder):
        with Engine.open(folder, world(3)) as engine:
            engine.ingest([event("3", phone()), event("4", phone()), event("5", phone())])

            with pytest.raises(StoreError, match="Delete the"):
                engine.follow()

    def test_following_what_it_says_heals_the_store(self, folder):
        for path in [*folder.glob("views-*.db*"), folder / "views.current"]:
            path.unlink()

        with Engine.open(folder, world(3)) as engine:
            assert all(verdict.is_sound for verdict in followed(engine))


def followed(engine):
    engine.follow()
    return engine.verify()


def commit_and_lose_the_answer(connection):
    connection._sqlite_conn.commit()
    raise sqlite3.OperationalError("disk I/O error")


def stored(version):
    return StoredEvent("019b1c3e-7c5a-7000-8000-0123456789ab", version, "topic", b"state")


def execute(recorder, statement):
    with recorder.datastore.get_connection(commit=True) as connection:
        connection.cursor().execute(statement)


def put_state(file, position, state):
    file.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", (state, position))


def clear(state):
    return state[: 5 + int.from_bytes(state[1:5], "big")]


def sealed(state):
    return state[len(clear(state)) :]


def stream_text(stored_id):
    text = stored_id.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
