"""A store on PostgreSQL by the command line, each verb typed as who may do it."""

import json
from pathlib import Path

import psycopg
import pytest

from identity_engine.event_store.postgres.database import Server
from projections.catalogue import PROJECTIONS
from projections.runner import Views
from tests.acceptance.commands import CommandLine
from tests.support.centre import live
from tests.support.postgres import shared_server
from tests.support.postgres_roles import StoreOfRoles
from tests.support.snippets import blocks

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "read-by-sql.md"


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def empty(server):
    """The address of a database without a store."""
    address = server.database(migrated=False)
    yield address
    server.drop(address)


@pytest.fixture
def store(server, tmp_path, monkeypatch):
    """A store that belongs to the group roles; its master key is in the environment."""
    made = StoreOfRoles(server, tmp_path / "master.key")
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(made.key))
    yield made
    made.close()


@pytest.fixture
def line(tmp_path, capsys):
    return CommandLine(tmp_path, capsys)


def run(line, address, *typed):
    return line.bare(*typed, "--store", address)


class TestMigrating:
    def test_phase_by_phase(self, line, empty):
        planned = run(line, empty, "store", "migrate", "--dry-run")
        assert planned.out.startswith("Dry run, nothing is written: it would apply 0001_pre_store")
        pre = run(line, empty, "store", "migrate", "--phase", "pre")
        assert "0001_pre_store" in pre.out
        assert "When no older version runs any more, apply 0004_post_old_ledger" in pre.out
        post = run(line, empty, "store", "migrate", "--phase", "post", "--json").document
        assert post == {
            "applied": ["0004_post_old_ledger"],
            "waiting": [],
            "index_is_current": True,
        }
        again = run(line, empty, "store", "migrate")
        assert (again.code, again.out) == (0, "The schema is up to date; nothing was to do.\n")

    def test_a_folder_has_no_schema(self, line):
        answer = line("store", "migrate")
        assert answer.code == 2
        assert "postgresql" in answer.err.lower()

    def test_who_may_not_make_roles_reads_what_an_administrator_runs(self, line, server, empty):
        name = f"plain_of_{empty.rpartition('/')[2]}"
        with server.connect() as administrator:
            administrator.execute(f"CREATE ROLE {name} LOGIN")
        try:
            mine = empty.replace("postgres@", f"{name}@")
            answer = run(line, mine, "store", "migrate", "--roles")
            assert answer.code == 1
            said, script = answer.out.split("\n\n", 1)
            assert "administrator" in said
            with psycopg.connect(empty, autocommit=True) as administrator:
                administrator.execute(script)
            planned = run(line, mine, "store", "migrate", "--roles", "--dry-run", "--json")
            assert json.loads(planned.out)["would_run"] == []
            answer = run(line, mine, "store", "migrate", "--roles")
            assert answer.code == 0
            assert "The store belongs to the group roles" in answer.out
            again = run(line, mine, "store", "migrate", "--roles")
            assert "nothing was to do" not in again.out
        finally:
            server.drop(empty)
            with server.connect() as administrator:
                administrator.execute(f"DROP ROLE {name}")

    def test_an_index_of_another_version_is_built_anew_with_the_master_key(
        self, line, store, monkeypatch
    ):
        writer, migrator = store.address_of("writer"), store.address_of("migrator")
        assert run(line, writer, "ingest", line.traffic()).code == 0
        with store.connect("migrator") as connection:
            connection.execute("UPDATE identity_engine.index_version SET number = 0")
        refused = run(line, writer, "ingest", line.traffic())
        assert refused.code == 1
        assert "run store migrate" in refused.err
        monkeypatch.delenv("IDENTITY_ENGINE_MASTER_KEY")
        assert "IDENTITY_ENGINE_MASTER_KEY" in run(line, migrator, "store", "migrate").out
        monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(store.key))
        assert "End the older one" in run(line, migrator, "store", "migrate", "--phase", "pre").out
        answer = run(line, migrator, "store", "migrate", "--json").document
        assert answer["index_is_current"]
        assert run(line, writer, "ingest", line.traffic()).code == 0


class TestGranting:
    def test_says_who_sees_what(self, line, store):
        at, role = store.address_of("migrator"), store.named("reader")
        tried = run(line, at, "store", "grant", role, "--division", "north", "--dry-run")
        assert tried.out == f"Dry run, nothing is written: {role} sees north.\n"
        assert run(line, at, "store", "readers").out == "No role sees anything.\n"
        granted = run(line, at, "store", "grant", role, "--division", "north")
        assert granted.out == f"{role} sees north.\n"
        assert role in run(line, at, "store", "readers").out
        taken = run(line, at, "store", "revoke", role, "--division", "north")
        assert taken.out == f"Took 1 grant from {role}.\n"

    def test_a_division_without_contacts_is_refused_with_the_way_to_begin_one(self, line, store):
        at, role = store.address_of("migrator"), store.named("reader")
        run(line, store.address_of("writer"), "ingest", line.traffic())
        run(line, store.address_of("projector"), "projections", "follow")
        given = ("--division", "default", "--division", "nowhere")
        refused = run(line, at, "store", "grant", role, *given)
        assert (refused.code, refused.out) == (1, "")
        assert "No contact lies in nowhere" in refused.err
        assert "--new-division" in refused.err
        assert run(line, at, "store", "readers").out == "No role sees anything.\n"
        granted = run(line, at, "store", "grant", role, *given, "--new-division")
        assert (granted.code, granted.out) == (0, f"{role} sees default, nowhere.\n")
        again = run(line, at, "store", "grant", role, *given)
        assert (again.code, again.out) == (0, f"{role} sees default, nowhere.\n")

    def test_says_who_has_still_to_let_it_read(self, line, store):
        role = store.login("stranger")
        answer = run(line, store.address_of("migrator"), "store", "grant", role, "--all-divisions")
        assert f'GRANT identity_engine_reader TO "{role}"' in answer.out

    @pytest.mark.parametrize(
        "typed", [(), ("--division", "north", "--all-divisions"), ("--division", "")]
    )
    def test_divisions_that_are_none_are_wrong_usage(self, line, store, typed):
        role = store.named("reader")
        answer = run(line, store.address_of("migrator"), "store", "grant", role, *typed)
        assert answer.code == 2
        assert "division" in answer.err

    def test_a_role_or_a_store_that_is_not_there_is_told(self, line, store, empty):
        at = store.address_of("migrator")
        nobody = run(line, at, "store", "grant", "nobody_at_all", "--division", "north")
        assert nobody.code == 1
        assert "no role nobody_at_all" in nobody.err
        assert "store migrate" in run(line, empty, "store", "readers").err


class TestEachRole:
    def test_does_its_work_by_its_verbs(self, line, store):
        at = store.address_of
        assert run(line, at("writer"), "ingest", line.traffic()).code == 0
        assert run(line, at("projector"), "projections", "follow").code == 0
        assert run(line, at("projector"), "projections", "rebuild").code == 0
        assert run(line, at("auditor"), "projections", "verify").code == 0
        assert run(line, at("migrator"), "projections", "verify", "--index").code == 0
        assert run(line, at("migrator"), "projections", "rebuild", "--index").code == 0

    def test_is_told_plainly_what_it_lacks(self, line, store):
        at = store.address_of
        run(line, at("writer"), "ingest", line.traffic())
        for name, verb in (
            ("reader", ("search", "anna")),
            ("writer", ("search", "anna")),
            ("projector", ("ingest", "--again", line.traffic())),
            ("auditor", ("projections", "rebuild")),
            ("writer", ("store", "grant", store.named("reader"), "--all-divisions")),
            ("reader", ("store", "readers")),
            ("reader", ("store", "migrate")),
        ):
            answer = run(line, at(name), *verb)
            assert answer.code == 1, name
            assert "permission denied" in answer.err, name
            assert "Traceback" not in answer.err

    def test_a_store_is_copied_into_one_of_the_migrator(self, line, store):
        from_folder = line("ingest", line.traffic())
        assert from_folder.code == 0
        copied = line.bare("store", "copy", line.store, store.address_of("migrator"))
        assert "the same" in copied.out
        assert run(line, store.address_of("writer"), "ingest", line.traffic()).code == 0


class TestDoctor:
    def found(self, line, address):
        answer = run(line, address, "doctor", "--json")
        assert not answer.err
        return {one["check"]: one for one in json.loads(answer.out)}

    def test_says_how_a_sound_store_stands(self, line, store):
        run(line, store.address_of("writer"), "ingest", line.traffic())
        store.login("worker", "identity_engine_writer", "identity_engine_projector")
        run(line, store.address_of("worker"), "projections", "follow")
        found = self.found(line, store.address_of("worker"))
        assert all(one["is_sound"] for one in found.values() if one["check"] != "server"), found
        assert found["migrations"]["found"] == "All are applied: 5."
        assert found["roles"]["found"].endswith("Yours: projector, writer.")
        assert found["api_v1"]["found"] == "The views show what is live. Roles that see rows: 0."

    @pytest.mark.parametrize("role", ["writer", "projector", "auditor", "migrator"])
    def test_tells_what_a_role_may_not_see_from_what_is_not_in_order(self, line, store, role):
        run(line, store.address_of("writer"), "ingest", line.traffic())
        run(line, store.address_of("projector"), "projections", "follow")
        found = self.found(line, store.address_of(role))
        wrong = {
            name: one
            for name, one in found.items()
            if not one["is_sound"] and name not in {"server", "settings"}
        }
        assert not wrong
        hidden = {name for name, one in found.items() if "Not visible to this role" in one["found"]}
        assert bool(hidden) == (role != "migrator"), hidden
        assert "log" not in hidden

    def test_says_what_is_not_in_order(self, line, store):
        administrator = store.address
        run(line, administrator, "ingest", line.traffic())
        run(line, administrator, "projections", "follow")
        with psycopg.connect(administrator, autocommit=True) as connection:
            connection.execute("DELETE FROM identity_engine_ledger.migration WHERE phase = 'post'")
            connection.execute("UPDATE identity_engine_ledger.migration SET checksum = 'x'")
            connection.execute("CREATE TABLE identity_engine.mine (one bigint)")
            connection.execute("DROP VIEW api_v1.cases")
        found = self.found(line, administrator)
        assert not found["migrations"]["is_sound"]
        assert "0001_pre_store" in found["migrations"]["found"]
        assert not found["roles"]["is_sound"]
        assert "identity_engine.mine" in found["roles"]["found"]
        assert found["api_v1"]["found"].startswith("Missing: cases.")
        assert run(line, administrator, "projections", "rebuild").code == 0
        assert self.found(line, administrator)["api_v1"]["is_sound"]

    def test_says_to_a_reader_that_it_may_not_look(self, line, store):
        found = self.found(line, store.address_of("reader"))
        assert not found["open"]["is_sound"]
        assert "permission denied" in found["open"]["found"]
        assert found["migrations"]["found"] == "Not visible to this role."

    def test_says_that_a_database_holds_no_store(self, line, empty):
        found = self.found(line, empty)
        assert not found["open"]["is_sound"]
        assert "store migrate" in found["migrations"]["found"]


def test_the_page_for_readers_by_sql_answers(line, store, tmp_path, monkeypatch):
    """As the page says it, with a role of another name: those of the page would stay on the server."""
    lived = live(tmp_path, monkeypatch)
    monkeypatch.setenv("IDENTITY_ENGINE_MASTER_KEY", str(store.key))
    shelf = Server(store.address_of("projector"), store.key).views()
    number = shelf.current() + 1
    views = Views(shelf.begin(number), PROJECTIONS)
    views.feed(lived.events)
    shelf.publish(number, views.connection)
    shelf.close()

    role = store.named("reports")
    store.logins.append(role)
    make, *questions = [one.replace("reports", role) for one in blocks(PAGE.read_text(), "sql")]
    with store.server.connect() as administrator:
        administrator.execute(make)
    for typed in "".join(blocks(PAGE.read_text(), "sh")).splitlines():
        words = typed.replace("reports", role).split()[1:]
        assert run(line, store.address_of("migrator"), *words).code == 0, typed
    granted = run(line, store.address_of("migrator"), "store", "readers", "--json").document
    assert granted == [{"role": role, "divisions": ["north"], "may_read": True}]

    run(line, store.address_of("migrator"), "store", "grant", role, "--all-divisions")
    with store.connect("reports") as connection:
        for question in questions:
            assert connection.execute(question).fetchall(), question
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE mine (one bigint)")
