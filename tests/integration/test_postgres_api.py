"""What a reader by SQL sees on PostgreSQL: rows of its divisions, of one whole generation at a time."""

import threading

import psycopg
import pytest

from identity_engine.errors import NotFound, UsageError
from identity_engine.event_store.postgres.readers import (
    division_readers,
    grant_divisions,
    revoke_divisions,
)
from projections.api.catalogue import API_VIEWS
from tests.support.interactions import email, event, phone
from tests.support.postgres import shared_server
from tests.support.postgres_roles import StoreOfRoles

SPY = """
CREATE FUNCTION pg_temp.spy(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    RAISE NOTICE 'seen %', value;
    RETURN TRUE;
END $$
"""
SPYING = (
    "SELECT 1 FROM api_v1.contact_values WHERE pg_temp.spy(value)",
    "SELECT 1 FROM api_v1.identifiers WHERE pg_temp.spy(value) AND division = 'south'",
    "SELECT 1 FROM api_v1.interactions WHERE pg_temp.spy(source_id) ORDER BY time",
    "SELECT 1 FROM api_v1.contacts c JOIN api_v1.contact_values v USING (contact_id) "
    "WHERE pg_temp.spy(v.value)",
)
OF_THE_SOUTH = {"seen Ulm", "seen c@south.example", "seen 3"}


@pytest.fixture
def store(tmp_path):
    """Two contacts in the north, one in the south, and views at the head."""
    made = StoreOfRoles(shared_server(), tmp_path / "master.key")
    with made.open("writer") as engine:
        engine.ingest(
            [
                event("1", email("a@north.example"), division="north", profile={"city": "Kiel"}),
                event("2", email("b@north.example"), division="north", profile={"city": "Husum"}),
                event("3", email("c@south.example"), division="south", profile={"city": "Ulm"}),
            ]
        )
    with made.open("projector") as engine:
        engine.follow()
    yield made
    made.close()


def grant(store, role, divisions):
    with store.connect("migrator") as connection:
        return grant_divisions(connection, role, divisions)


def revoke(store, role, divisions):
    with store.connect("migrator") as connection:
        return revoke_divisions(connection, role, divisions)


def seen(store, view="contacts", name="reader"):
    """The divisions of the rows that somebody sees."""
    with store.connect(name) as connection:
        return sorted(one for (one,) in connection.execute(f"SELECT division FROM api_v1.{view}"))


def cities(connection):
    rows = connection.execute("SELECT value FROM api_v1.contact_values WHERE field = 'city'")
    return sorted(city for (city,) in rows)


def live_and_shown(store):
    with store.connect("migrator") as connection:
        return connection.execute("SELECT number, shown FROM identity_engine.live_views").fetchone()


def generations(store):
    with store.connect("migrator") as connection:
        rows = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname ~ '^identity_engine_views_' ORDER BY 1"
        )
        return [int(name.rpartition("_")[2]) for (name,) in rows]


class TestDivisions:
    def test_who_was_granted_nothing_sees_no_row(self, store):
        for view in API_VIEWS:
            assert seen(store, view.name) == [], view.name

    def test_a_reader_sees_the_rows_of_its_divisions(self, store):
        grant(store, store.named("reader"), ["north"])
        for view in ("contacts", "contact_values", "identifiers", "interactions"):
            assert seen(store, view) == ["north", "north"], view
        assert set(seen(store, "timeline")) == {"north"}

    def test_grants_add_up_and_are_taken_back(self, store):
        role = store.named("reader")
        grant(store, role, ["north"])
        grant(store, role, ["south", "north"])
        assert seen(store) == ["north", "north", "south"]
        assert revoke(store, role, ["north"]) == 1
        assert seen(store) == ["south"]
        assert revoke(store, role, None) == 1
        assert seen(store) == []

    def test_all_divisions_are_those_to_come_too(self, store):
        grant(store, store.named("reader"), None)
        with store.open("writer") as engine:
            engine.ingest([event("4", phone(), division="west")])
        with store.open("projector") as engine:
            engine.follow()
        assert seen(store) == ["north", "north", "south", "west"]

    def test_what_a_group_was_granted_holds_for_its_members(self, store):
        grant(store, "identity_engine_reader", ["south"])
        assert seen(store) == ["south"]

    def test_nobody_else_sees_what_one_was_granted(self, store):
        store.login("other", "identity_engine_reader")
        grant(store, store.named("reader"), ["north"])
        assert seen(store, name="other") == []

    def test_a_contact_that_moves_is_seen_where_it_lies(self, store):
        role = store.named("reader")
        grant(store, role, ["north"])
        with store.connect("reader") as connection:
            (moved, _) = (
                one for (one,) in connection.execute("SELECT contact_id FROM api_v1.contacts")
            )
        store.login("desk", "identity_engine_writer", "identity_engine_projector")
        with store.open("desk") as engine:
            engine.desk.divisions.move(moved, "south", reason="She moved.")
            engine.follow()
        assert seen(store) == ["north"]

    def test_a_role_that_is_made_anew_under_its_name_has_no_grant(self, store):
        role = store.named("reader")
        grant(store, role, ["north"])
        with store.server.connect() as administrator:
            administrator.execute(f"DROP ROLE {role}")
            administrator.execute(f"CREATE ROLE {role} LOGIN IN ROLE identity_engine_reader")
        assert seen(store) == []
        with store.connect("migrator") as connection:
            assert division_readers(connection) == []

    def test_readers_are_listed_with_what_they_see(self, store):
        store.login("stranger")
        grant(store, store.named("reader"), ["south", "north"])
        grant(store, store.named("stranger"), None)
        with store.connect("migrator") as connection:
            found = {
                one.role: (one.divisions, one.may_read) for one in division_readers(connection)
            }
        assert found == {
            store.named("reader"): (("north", "south"), True),
            store.named("stranger"): (None, False),
        }

    def test_a_dry_run_grants_nothing(self, store):
        role = store.named("reader")
        with store.connect("migrator") as connection:
            assert grant_divisions(connection, role, ["north"], dry_run=True).divisions == (
                "north",
            )
            assert division_readers(connection) == []
            grant_divisions(connection, role, ["north"])
            assert revoke_divisions(connection, role, None, dry_run=True) == 1
            assert len(division_readers(connection)) == 1

    def test_a_role_that_is_not_there_and_no_division_are_refused(self, store):
        with pytest.raises(NotFound, match="no role"):
            grant(store, "nobody_of_all", ["north"])
        for divisions in ([], [""], ["*"]):
            with pytest.raises(UsageError, match="division"):
                grant(store, store.named("reader"), divisions)


class TestTheBarrier:
    def test_a_function_of_the_reader_sees_no_row_of_another_division(self, store):
        grant(store, store.named("reader"), ["north"])
        with store.connect("reader") as connection:
            connection.execute(SPY)
            told = []
            connection.add_notice_handler(lambda notice: told.append(notice.message_primary))
            for question in SPYING:
                told.clear()
                connection.execute(question)
                assert bool(told) == ("division = 'south'" not in question), question
                assert not [one for one in told if one in OF_THE_SOUTH], question

    def test_nor_does_an_error_that_its_question_makes(self, store):
        grant(store, store.named("reader"), ["north"])
        with store.connect("reader") as connection:
            question = "SELECT 1 FROM api_v1.contact_values WHERE CAST(value AS bigint) > 0"
            with pytest.raises(psycopg.errors.InvalidTextRepresentation) as raised:
                connection.execute(question)
        assert "Ulm" not in str(raised.value)

    def test_every_view_has_it(self, store):
        with store.connect("migrator") as connection:
            rows = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'api_v1'::regnamespace "
                "AND relkind = 'v' AND 'security_barrier=true' = ANY (reloptions)"
            ).fetchall()
        assert {name for (name,) in rows} == {view.name for view in API_VIEWS}


class TestGenerations:
    def test_a_rebuild_is_seen_at_once_and_keeps_all_that_was_built_on_the_views(self, store):
        role = store.named("reader")
        grant(store, role, ["north"])
        with store.connect("migrator") as connection:
            connection.execute("CREATE SCHEMA reports")
            connection.execute("CREATE VIEW reports.towns AS SELECT * FROM api_v1.contact_values")
        with store.open("writer") as engine:
            engine.ingest(
                [event("4", email("d@north.example"), division="north", profile={"city": "Sylt"})]
            )
        with store.open("projector") as engine:
            engine.rebuild()

        assert live_and_shown(store) == (2, 2)
        assert generations(store) == [2]
        with store.connect("reader") as connection:
            assert cities(connection) == ["Husum", "Kiel", "Sylt"]
        with store.connect("migrator") as connection:
            grant_divisions(connection, store.named("migrator"), None)
            (count,) = connection.execute("SELECT count(*) FROM reports.towns").fetchone()
        assert count == 4

    def test_who_is_reading_holds_up_no_rebuild_and_reads_on_what_it_began_with(self, store):
        grant(store, store.named("reader"), ["north"])
        with store.connect("reader") as long_one, store.connect("reader") as other:
            long_one.execute("BEGIN")
            assert cities(long_one) == ["Husum", "Kiel"]
            with store.open("projector") as engine:
                engine.rebuild()
                assert live_and_shown(store) == (2, 1)
                assert generations(store) == [1, 2]
                assert cities(long_one) == cities(other) == ["Husum", "Kiel"]
                assert all(one.is_sound for one in engine.verify())
            long_one.execute("COMMIT")
        with store.open("projector") as engine:  # the next one to follow shows it
            engine.follow()
        assert live_and_shown(store) == (2, 2)
        assert generations(store) == [2]

    def test_a_generation_of_another_version_is_shown_until_the_next_has_caught_up(self, store):
        grant(store, store.named("reader"), ["north"])
        with store.connect("migrator") as connection:
            connection.execute("UPDATE identity_engine.live_views SET version = 1")
        with store.open("projector") as engine:
            assert engine.follower.views.position() == 0  # begun, and empty
            assert live_and_shown(store) == (2, 1)
            with store.connect("reader") as connection:
                assert cities(connection) == ["Husum", "Kiel"]
            engine.follow()
        assert live_and_shown(store) == (2, 2)
        assert generations(store) == [2]
        with store.connect("reader") as connection:
            assert cities(connection) == ["Husum", "Kiel"]

    def test_readers_see_a_whole_generation_throughout_many_rebuilds(self, store):
        grant(store, store.named("reader"), ["north"])
        is_done, found, faults = threading.Event(), set(), []

        def read():
            try:
                with store.connect("reader") as connection:
                    while not is_done.is_set():
                        found.add(tuple(cities(connection)))
            except psycopg.Error as fault:
                faults.append(fault)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        with store.open("projector") as engine:
            for _ in range(6):
                engine.rebuild()
        is_done.set()
        for reader in readers:
            reader.join()
        assert faults == []
        assert found == {("Husum", "Kiel")}


class TestTheComments:
    def test_every_view_and_column_of_the_database_says_what_the_catalogue_says(self, store):
        with store.connect("migrator") as connection:
            rows = connection.execute(
                "SELECT c.relname, COALESCE(a.attname, ''), "
                "COALESCE(format_type(a.atttypid, NULL), ''), "
                "CASE WHEN a.attnum IS NULL THEN obj_description(c.oid) "
                "ELSE col_description(c.oid, a.attnum) END "
                "FROM pg_class c LEFT JOIN LATERAL (SELECT attname, atttypid, attnum::int "
                "FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 "
                "UNION ALL SELECT NULL, NULL, NULL) a ON TRUE "
                "WHERE c.relnamespace = 'api_v1'::regnamespace AND c.relkind = 'v' "
                "ORDER BY c.relname, a.attnum NULLS FIRST"
            ).fetchall()
        types = {
            "text": "text",
            "number": "bigint",
            "flag": "boolean",
            "time": "timestamp with time zone",
        }
        expected = []
        for view in sorted(API_VIEWS, key=lambda one: one.name):
            expected.append((view.name, "", "", view.meaning))
            expected += [
                (view.name, column.name, types[column.type], column.meaning)
                for column in view.columns
            ]
        assert rows == expected
        assert all(row[3] for row in rows)
