"""Workers that follow the log with the views, beside writers, readers, rebuilds and each other."""

import threading
from contextlib import ExitStack, contextmanager

import pytest

from identity_engine import Engine
from identity_engine.application.views.standing import standings
from identity_engine.application.views.worker import NAMES, ProjectionWorker
from identity_engine.errors import ConfigurationError, StoreBusy, StoreError
from identity_engine.event_store.postgres import views as postgres_views
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.sqlite import views as sqlite_views
from projections.catalogue import VIEWS_VERSION
from projections.profile.projection import ProfileProjection
from tests.support.interactions import customer, event, phone
from tests.support.patience import eventually
from tests.support.postgres import shared_server
from tests.support.world import Clock, world


class Store:
    """One store that is opened many times, as by many processes."""

    def __init__(self, opening, address=None):
        self.address = address
        self._opening = opening
        self._clock = Clock()
        self._opened = 0
        self.stack = ExitStack()

    def open(self):
        self._opened += 1
        return self.stack.enter_context(self._opening(world(self._opened, self._clock)))

    @contextmanager
    def worker(self):
        """Let a worker follow in a thread of its own; yield what it has done so far."""
        engine, is_over, failed = self.open(), threading.Event(), []

        def run():
            try:
                worker.run(is_over.is_set)
            except BaseException as error:
                failed.append(error)

        worker = ProjectionWorker(engine.store, engine.follower)
        self.last = thread = threading.Thread(target=run)
        thread.start()
        try:
            yield worker.done
        finally:
            is_over.set()
            thread.join()
        if failed:
            raise failed[0]


@pytest.fixture(params=["folder", "postgres"])
def store(request, tmp_path):
    if request.param == "folder":
        made = Store(lambda own: Engine.open(tmp_path / "store", own))
        with made.stack:
            yield made
        return
    address = shared_server().database()
    made = Store(lambda own: Engine(Server(address, tmp_path / "master.key"), own), address)
    with made.stack:
        yield made
    shared_server().drop(address)


@pytest.fixture
def on_postgres(tmp_path):
    address = shared_server().database()
    made = Store(lambda own: Engine(Server(address, tmp_path / "master.key"), own), address)
    with made.stack:
        yield made
    shared_server().drop(address)


def connected(store):
    """A plain connection to the database of a store."""
    return shared_server().connect(store.address.rpartition("/")[2])


def at_head(engine):
    """Whether all views are there, asked without bringing them forward."""
    head = engine.store.head()
    return all(one.position == head for one in engine.follower.views.status())


def is_sound(engine):
    return all(verdict.is_sound for verdict in engine.verify())


def test_a_change_is_in_the_views_though_nobody_asked(store):
    engine = store.open()
    with store.worker() as done:
        for number in range(3):
            engine.ingest([event(str(number), phone())])
            eventually(lambda: at_head(engine))

    assert done.position == engine.store.head()
    assert is_sound(engine)


def test_readers_who_ask_beside_a_worker_are_answered_at_once_and_in_full(store):
    engine = store.open()
    with store.worker():
        for number in range(25):
            (made,) = engine.ingest([event(str(number), customer("C-1"))])
            shown = engine.profile(made.contact_id).interactions

            assert len(shown) == number + 1

    assert is_sound(engine)


def test_a_worker_goes_on_with_views_that_were_swapped_in(store):
    engine = store.open()
    with store.worker():
        for number in range(3):
            engine.ingest([event(f"{number}-before", phone())])
            engine.rebuild()
            engine.ingest([event(f"{number}-after", phone())])
            eventually(lambda: at_head(engine))

    assert is_sound(engine)


def test_readers_are_answered_while_views_are_swapped(store):
    engine, reader = store.open(), store.open()
    (made,) = engine.ingest([event("1", customer("C-1"))])
    is_over, answers = threading.Event(), []

    def read():
        while not is_over.is_set():
            try:
                answers.append(len(reader.profile(made.contact_id).interactions))
            except Exception as error:
                answers.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(2, 6):
        engine.rebuild()
        engine.ingest([event(str(number), customer("C-1"))])
    is_over.set()
    thread.join()

    assert answers == sorted(answers), "no error, and nothing older than before"
    assert set(answers) <= {1, 2, 3, 4, 5}


def test_what_is_parked_is_driven_again_beside_a_worker(store, monkeypatch):
    engine, broken = store.open(), set()
    apply = ProfileProjection.apply

    def apply_or_fail(self, views, events):
        if any(self.key(one) in broken for one in events):
            raise KeyError("a bug in the projection")
        apply(self, views, events)

    monkeypatch.setattr(ProfileProjection, "apply", apply_or_fail)
    (anna,) = engine.ingest([event("1", customer("C-1"))])
    broken.add(anna.contact_id)
    with store.worker():
        eventually(lambda: at_head(engine))
        engine.ingest([event("2", customer("C-1")), event("3", phone())])
        eventually(lambda: at_head(engine))
        assert [one.parked for one in standings(engine.store, engine.follower)].count(1) == 1
        broken.clear()

        assert engine.follower.redrive() == 0
        engine.ingest([event("4", customer("C-1"))])
        eventually(lambda: at_head(engine))

    assert is_sound(engine)
    assert [one.id for one in engine.profile(anna.contact_id).interactions] == ["1", "2", "4"]


def test_one_who_was_overtaken_after_reading_writes_nothing(store, monkeypatch):
    engine, other = store.open(), store.open()
    engine.ingest([event("1", customer("C-1"))])
    read = engine.store.read

    def read_and_be_overtaken(*arguments, **named):
        events = read(*arguments, **named)
        if events:
            other.ingest([event("2", customer("C-1"))])
            other.follow()
        return events

    feed, stood = engine.follower.views.feed, []

    def feed_and_look(*arguments, **named):
        before = engine.follower.views.exact_hashes()
        feed(*arguments, **named)
        stood.append(engine.follower.views.exact_hashes() == before)

    monkeypatch.setattr(engine.store, "read", read_and_be_overtaken)
    monkeypatch.setattr(engine.follower.views, "feed", feed_and_look)
    engine.follower.advance()

    assert stood == [True]
    assert at_head(engine)
    assert is_sound(engine)


def test_one_that_moves_between_the_look_and_the_lock_is_left_to_the_other(store, monkeypatch):
    engine, other = store.open(), store.open()
    engine.ingest([event("1", customer("C-1"))])
    views = engine.follower.views
    before = views.status()
    other.follow()
    events = engine.store.read(0, 1_000)
    monkeypatch.setattr(views, "status", lambda: before)

    views.feed(events)

    monkeypatch.undo()
    assert is_sound(engine)


def test_no_view_skips_events(store):
    engine = store.open()
    engine.ingest([event("1", phone())])
    events = engine.store.read(2, 1_000)

    with pytest.raises(ValueError, match="stands at 0, before 2"):
        engine.follower.views.feed(events, after=2)


def test_two_workers_share_the_views_and_one_that_ends_leaves_them_to_the_other(on_postgres):
    engine = on_postgres.open()
    engine.ingest([event("1", phone())])
    with on_postgres.worker() as one:
        with on_postgres.worker() as two:
            eventually(lambda: {*one.held} | {*two.held} == set(NAMES) and one.held and two.held)
            assert not {*one.held} & {*two.held}
            engine.ingest([event("2", phone())])
            eventually(lambda: at_head(engine))
        eventually(lambda: one.held == list(NAMES))
        engine.ingest([event("3", phone())])
        eventually(lambda: at_head(engine))

    assert is_sound(engine)


def test_verification_beside_views_at_different_positions_is_sound(store):
    engine = store.open()
    engine.ingest([event("1", customer("C-1")), event("2", phone())])
    engine.follower.advance(NAMES[:3], step=2)
    engine.follower.advance(NAMES[3:5])

    verdicts = engine.verify()

    assert all(one.live_hash == one.replay_hash for one in verdicts)
    assert {one.behind for one in verdicts} == {0, engine.store.head(), engine.store.head() - 2}


def test_a_worker_refuses_views_that_are_ahead_of_the_log(store):
    engine = store.open()
    engine.ingest([event("1", phone()), event("2", phone())])
    engine.follow()
    with engine.store.log.writing() as cursor:
        cursor.execute("DELETE FROM stored_events WHERE rowid > 4")

    starting = store.open()
    with pytest.raises(StoreError, match="restored from an older copy"):
        ProjectionWorker(starting.store, starting.follower).run(lambda: False)


def test_a_worker_sees_that_the_log_was_rolled_back_while_its_server_was_away(on_postgres):
    engine = on_postgres.open()
    engine.ingest([event("1", phone()), event("2", phone())])
    with pytest.raises(StoreError, match="identity_engine_views_"), on_postgres.worker():
        roll_back_when(on_postgres, lambda: at_head(engine))


def roll_back_when(store, condition):
    """Restore the server from an older copy, as far as its clients can tell; wait for the worker."""
    eventually(condition)
    with connected(store) as administrator:
        administrator.execute("DELETE FROM identity_engine.stored_events WHERE rowid > 4")
        administrator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    eventually(lambda: not store.last.is_alive())


def test_views_of_a_newer_version_are_left_to_it(store, monkeypatch):
    engine = store.open()
    engine.ingest([event("1", phone())])
    with monkeypatch.context() as later:
        for shelf in (sqlite_views, postgres_views):
            later.setattr(shelf, "VIEWS_VERSION", VIEWS_VERSION + 1)
        store.open().follow()

    with pytest.raises(ConfigurationError, match="Or, to go back"):
        engine.follow()


def test_a_lock_that_somebody_holds_for_long_parks_nothing(on_postgres):
    engine = on_postgres.open()
    engine.ingest([event("1", phone())])
    schema = engine.follower.views.connection.schema
    with connected(on_postgres) as administrator, administrator.transaction():
        administrator.execute(f'LOCK TABLE "{schema}".identity_contact IN SHARE MODE')
        with pytest.raises(StoreBusy):
            engine.follow()
    engine.follow()

    assert is_sound(engine)


def test_a_rebuild_leaves_no_old_views_behind(on_postgres):
    engine, reader = on_postgres.open(), on_postgres.open()
    engine.ingest([event("1", phone())])
    reader.follow()
    for _ in range(2):
        engine.rebuild()
    reader.follow()

    with connected(on_postgres) as administrator:
        schemas = administrator.execute(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'identity_engine_views')"
        ).fetchall()
    assert schemas == [(reader.follower.views.connection.schema,)]


def test_the_standing_says_for_how_long_the_oldest_event_waits(store):
    engine = store.open()
    engine.ingest([event("1", phone())])
    engine.follow()
    assert {(one.behind, one.seconds) for one in standings(engine.store, engine.follower)} == {
        (0, 0.0)
    }
    head = engine.store.head()
    engine.ingest([event("2", phone())])
    engine.follower.advance(NAMES[:1])

    stand = {one.name: one for one in standings(engine.store, engine.follower)}
    first, *others = (stand[name] for name in NAMES)
    assert (first.behind, first.seconds) == (0, 0.0)
    assert {one.behind for one in others} == {engine.store.head() - head}
    assert all(one.seconds > 0 for one in others)


def test_a_log_that_was_replaced_beneath_a_connected_reader_is_seen_though_it_has_grown_past_it(
    tmp_path,
):
    with Engine.open(tmp_path, world()) as engine:
        engine.ingest([event("1", phone())])
        older = engine.store.head()
        engine.ingest([event(f"{n}", phone(f"+4915112{n}")) for n in range(200, 210)])
        engine.follow()
        with engine.store.writing() as writer:
            writer.cursor.execute("DELETE FROM stored_events WHERE rowid > ?", (older,))
            writer.cursor.execute("UPDATE sqlite_sequence SET seq = ?", (older,))
        engine.ingest([event(f"{n}", phone(f"+4915113{n}")) for n in range(300, 330)])

        with pytest.raises(StoreError, match="restored from an older copy"):
            engine.follow()
