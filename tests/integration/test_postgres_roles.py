"""Each group role may do its own work by the code that does it, and nothing else: the server refuses."""

import psycopg
import pytest

from identity_engine import Engine
from identity_engine.application.diagnosis.doctor import examine
from identity_engine.errors import ConfigurationError
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.postgres.readers import grant_divisions
from identity_engine.event_store.postgres.roles import (
    GROUPS,
    RolesWanted,
    bring,
    statements_for_roles,
)
from identity_engine.event_store.postgres.schema import LOG, migrate
from identity_engine.monitoring.probes import Looks
from tests.support.interactions import event, phone
from tests.support.postgres import PostgresServer, shared_server
from tests.support.postgres_roles import StoreOfRoles
from tests.support.world import world

VIEWS = "identity_engine_views_1"


@pytest.fixture
def store(tmp_path):
    made = StoreOfRoles(shared_server(), tmp_path / "master.key")
    yield made
    made.close()


def begun(store):
    """A store with a contact of each of two divisions, and views at the head."""
    with store.open("writer") as engine:
        engine.ingest(
            [
                event("1", phone(), division="north"),
                event("2", phone("+4915112345679"), division="south"),
            ]
        )
    with store.open("projector") as engine:
        engine.follow()
    return store


@pytest.fixture
def lived(store):
    return begun(store)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """One that every test leaves as it is."""
    made = StoreOfRoles(shared_server(), tmp_path_factory.mktemp("kept") / "master.key")
    yield begun(made)
    made.close()


class TestTheWriter:
    def test_it_makes_a_new_store_ready_and_ingests(self, store):
        with store.open("writer") as engine:
            outcomes = engine.ingest([event("1", phone()), event("1", phone())])
            engine.reevaluate()
            assert [one.status for one in outcomes] == ["accepted", "duplicate"]

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE identity_engine.stored_events SET topic = 'x'",
            "DELETE FROM identity_engine.stored_events",
            "TRUNCATE identity_engine.stored_events",
            "ALTER TABLE identity_engine.stored_events DISABLE TRIGGER ALL",
            "DROP TABLE identity_engine.interaction",
            "CREATE TABLE identity_engine.mine (one bigint)",
            "CREATE SCHEMA mine",
            "UPDATE identity_engine.live_views SET number = 0",
            "INSERT INTO identity_engine.division_reader VALUES (current_user::regrole, '*')",
            f"SELECT * FROM {VIEWS}.profile_claim",
            "SELECT * FROM api_v1.contacts",
            "DELETE FROM identity_engine_ledger.migration",
        ],
    )
    def test_it_changes_nothing_that_is_stored_and_reads_no_view(self, kept, statement):
        assert kept.refuses("writer", statement)

    def test_a_rebuild_of_the_index_is_for_the_migrator(self, lived):
        with (
            lived.open("writer") as engine,
            pytest.raises(ConfigurationError, match="must be owner"),
        ):
            engine.rebuild_index()


class TestTheProjector:
    def test_it_follows_and_rebuilds(self, lived):
        with lived.open("projector") as engine:
            assert all(one.is_sound for one in engine.verify())
            engine.rebuild()
            assert all(one.is_sound for one in engine.verify())

    def test_another_one_goes_on_with_what_it_made(self, lived):
        lived.login("second", "identity_engine_projector")
        with lived.open("writer") as engine:
            engine.ingest([event("3", phone())])
        with lived.open("second") as engine:
            engine.follow()
            engine.rebuild()
            assert all(one.is_sound for one in engine.verify())

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO identity_engine.stored_events VALUES (9, '', 1, 'x', '')",
            "UPDATE identity_engine.stored_events SET topic = 'x'",
            "DELETE FROM identity_engine.interaction",
            "UPDATE identity_engine_keys.data_key SET wrapped = NULL",
            "SELECT * FROM identity_engine_dead_letters.dead_letters",
            "INSERT INTO identity_engine.division_reader VALUES (current_user::regrole, '*')",
        ],
    )
    def test_it_writes_nothing_but_views(self, kept, statement):
        assert kept.refuses("projector", statement)

    def test_it_ingests_nothing(self, lived):
        with (
            lived.open("projector") as engine,
            pytest.raises(ConfigurationError, match="permission denied"),
        ):
            engine.ingest([event("3", phone())])


class TestTheReader:
    def test_it_reads_what_was_granted(self, lived):
        with lived.connect("migrator") as connection:
            grant_divisions(connection, f"reader_of_{lived.name}", ["north"])
        with lived.connect("reader") as connection:
            rows = connection.execute("SELECT division FROM api_v1.contacts").fetchall()
        assert rows == [("north",)]

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM identity_engine.stored_events",
            "SELECT * FROM identity_engine.division_reader",
            "SELECT * FROM identity_engine_keys.data_key",
            "SELECT * FROM identity_engine_dead_letters.dead_letters",
            "SELECT * FROM identity_engine_ledger.migration",
            f"SELECT * FROM {VIEWS}.profile_claim",
            "CREATE VIEW api_v1.mine AS SELECT 1",
            "SET ROLE identity_engine_projector",
        ],
    )
    def test_it_reads_nothing_else(self, kept, statement):
        assert kept.refuses("reader", statement)

    def test_it_opens_no_engine(self, lived):
        with pytest.raises(ConfigurationError, match="permission denied"):
            lived.open("reader")


class TestTheAuditor:
    def test_it_verifies_by_replay(self, lived):
        with lived.open("auditor") as engine:
            assert all(one.is_sound for one in engine.verify())

    def test_also_a_generation_that_was_built_since(self, lived):
        with lived.open("projector") as engine:
            engine.rebuild()
        with lived.open("auditor") as engine:
            assert all(one.is_sound for one in engine.verify())

    def test_it_reads_the_log_and_the_api(self, lived):
        with lived.connect("migrator") as connection:
            grant_divisions(connection, "identity_engine_auditor", None)
        with lived.connect("auditor") as connection:
            (events,) = connection.execute(
                "SELECT count(*) FROM identity_engine.stored_events"
            ).fetchone()
            rows = connection.execute("SELECT division FROM api_v1.contacts").fetchall()
        assert events > 2
        assert sorted(rows) == [("north",), ("south",)]

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO identity_engine.stored_events VALUES (9, '', 1, 'x', '')",
            "DELETE FROM identity_engine.stored_events",
            "BEGIN; LOCK TABLE identity_engine.one_writer IN EXCLUSIVE MODE",
            "UPDATE identity_engine_keys.data_key SET wrapped = NULL",
            f"DELETE FROM {VIEWS}.profile_claim",
            "SELECT * FROM identity_engine_dead_letters.dead_letters",
            "CREATE SCHEMA mine",
        ],
    )
    def test_it_changes_nothing(self, kept, statement):
        assert kept.refuses("auditor", statement)


class TestTheMigrator:
    def test_it_owns_all_that_is_stored(self, lived):
        with lived.connect("migrator") as connection:
            rows = connection.execute(
                "SELECT DISTINCT n.nspname, c.relowner::regrole::text FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname ~ '^(identity_engine|api_v1)' AND c.relkind IN ('r', 'v', 'S')"
            ).fetchall()
        owners = dict(rows)
        assert len(rows) == len(owners)
        projected = {"api_v1": "identity_engine_projector", VIEWS: "identity_engine_projector"}
        assert owners == dict.fromkeys(owners, "identity_engine_migrator") | projected

    def test_another_one_migrates_what_the_first_has_made(self, lived):
        lived.login("next", "identity_engine_migrator")
        with lived.connect("next") as connection:
            connection.execute("DELETE FROM identity_engine_ledger.migration WHERE phase = 'post'")
            assert [one.phase for one in bring(connection, with_roles=True)] == ["post"]

    def test_what_a_migration_adds_belongs_to_the_group(self, lived, monkeypatch):
        from identity_engine.event_store.postgres import schema as schema

        added = schema.Migration(
            9001, "adds", "pre", "CREATE TABLE identity_engine.added (one bigint);"
        )
        ours = schema.migrations()
        monkeypatch.setattr(schema, "migrations", lambda: [*ours, added])
        with lived.connect("migrator") as connection:
            bring(connection, with_roles=False)
            (owner,) = connection.execute(
                "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'added'"
            ).fetchone()
        assert owner == "identity_engine_migrator"
        assert not lived.refuses("writer", "INSERT INTO identity_engine.added VALUES (1)")

    def test_it_rebuilds_the_index_and_the_writer_goes_on(self, lived):
        with lived.open("migrator") as engine:
            engine.rebuild_index()
            assert engine.verify_index().is_sound
        with lived.open("writer") as engine:
            assert engine.ingest([event("3", phone())])[0].status == "accepted"

    def test_an_outdated_index_is_refused_to_a_writer_with_the_fix(self, lived):
        with lived.connect("migrator") as connection:
            connection.execute(f"UPDATE {LOG}.index_version SET number = 0")
        with pytest.raises(ConfigurationError, match="store migrate"):
            lived.open("writer")
        lived.open("migrator").close()
        lived.open("writer").close()


class TestMakingTheRoles:
    def test_a_store_from_before_is_handed_over_with_its_views(self, tmp_path):
        server = shared_server()
        address = server.database()
        key = tmp_path / "master.key"
        try:
            with Engine(Server(address, key), world()) as engine:
                engine.ingest([event("1", phone())])
                engine.follow()
            with psycopg.connect(address, autocommit=True) as connection:
                bring(connection, with_roles=True)
                owners = connection.execute(
                    "SELECT DISTINCT relowner::regrole::text FROM pg_class c "
                    "JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE n.nspname ~ '^(identity_engine|api_v1)'"
                ).fetchall()
            assert sorted(owners) == [("identity_engine_migrator",), ("identity_engine_projector",)]
            with Engine(Server(address, key), world()) as engine:
                engine.ingest([event("2", phone())])
                assert all(one.is_sound for one in engine.verify()) is False  # it is behind
                engine.follow()
                assert all(one.is_sound for one in engine.verify())
        finally:
            server.drop(address)

    def test_who_may_not_make_roles_is_given_what_an_administrator_runs(self):
        server = shared_server()
        for_all = server.connect()
        address = server.database(migrated=False)
        name = address.rpartition("/")[2]
        for_all.execute(f"CREATE ROLE plain_of_{name} LOGIN")
        try:
            mine = address.replace("postgres@", f"plain_of_{name}@")
            with psycopg.connect(mine, autocommit=True) as plain:
                with pytest.raises(RolesWanted, match="administrator") as raised:
                    bring(plain, with_roles=True)
                with psycopg.connect(address, autocommit=True) as administrator:
                    administrator.execute(raised.value.script)
                assert bring(plain, with_roles=True)
                assert bring(plain, with_roles=True) == []
        finally:
            server.drop(address)
            for_all.execute(f"DROP ROLE plain_of_{name}")
            for_all.close()

    def test_who_may_make_roles_needs_no_administrator(self):
        server = PostgresServer()  # that has no such role yet
        try:
            with server.connect() as administrator:
                administrator.execute("CREATE ROLE maker LOGIN CREATEROLE")
                administrator.execute("CREATE DATABASE store OWNER maker")
            mine = server.address("store").replace("postgres@", "maker@")
            with psycopg.connect(mine, autocommit=True) as maker:
                assert statements_for_roles(maker)[0] == f"CREATE ROLE {GROUPS[0]} NOLOGIN"
                assert bring(maker, with_roles=True)
                assert statements_for_roles(maker) == []
                assert bring(maker, with_roles=True) == []
        finally:
            server.close()

    def test_where_the_groups_are_not_in_force_nothing_changes(self, tmp_path):
        """They belong to the server; a database that was not handed over to them stays whose it was."""
        server = shared_server()
        address = server.database()
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                assert migrate(connection) == []
            with Engine(Server(address, tmp_path / "master.key"), world()) as engine:
                engine.ingest([event("1", phone())])
                engine.follow()
                assert all(one.is_sound for one in engine.verify())
        finally:
            server.drop(address)


class TestTheMonitor:
    @pytest.mark.parametrize("login", ["writer", "projector", "auditor"])
    def test_a_worker_is_ready_that_sees_what_its_role_may_see(self, kept, login):
        looks = Looks(Server(kept.address_of(login), kept.key))
        try:
            look = looks.take()
        finally:
            looks.close()
        assert look.problem is None
        assert look.head > 0
        assert bool(look.views) == (login != "writer")
        assert look.dead_letters == (0 if login == "writer" else None)

    @pytest.mark.parametrize("login", ["writer", "projector", "auditor"])
    def test_doctor_says_what_the_role_may_not_see_and_looks_at_the_rest(
        self, kept, login, monkeypatch
    ):
        monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(kept.key))
        found = {one.check: one for one in examine(kept.address_of(login))}
        hidden = "views" if login == "writer" else "dead letters"
        assert found[hidden].is_sound
        assert found[hidden].found == "Not visible to this role."
        assert found["log"].is_sound
        assert found["keys"].is_sound
        assert "open" not in found


def test_readers_views_come_back_where_a_backup_did_not_hold_them(tmp_path):
    server = shared_server()
    address = server.database()
    with Engine(Server(address, tmp_path / "master.key"), world()) as engine:
        engine.ingest([event("1", phone())])
        engine.follow()
        with psycopg.connect(address, autocommit=True) as owner:
            owner.execute("DROP SCHEMA api_v1 CASCADE")
            assert bring(owner, with_roles=False) == []
        engine.rebuild()
    with psycopg.connect(address) as reader:
        assert reader.execute("SELECT to_regclass('api_v1.contacts')").fetchone() != (None,)
    server.drop(address)
