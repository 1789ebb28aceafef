"""Files of a store that are damaged or gone: each verb names the file and says what heals it."""

import errno
import json
import os
import sqlite3
from contextlib import closing

import pytest

from identity_engine import Engine
from identity_engine.application.diagnosis.files import INDEX_TABLES
from identity_engine.event_store.keys import SCHEMA, KeyRing
from identity_engine.event_store.sqlite.folder import Folder
from tests.acceptance.commands import lines
from tests.support.interactions import event, phone

REFUSED, WRONG_USE = 1, 2
REBUILD = "identity-engine projections rebuild"


def findings(cli):
    """What doctor finds, by check."""
    answer = cli("doctor", "--json")
    return {one["check"]: (one["is_sound"], one["found"]) for one in json.loads(answer.out)}


def random_bytes(path):
    path.write_bytes(os.urandom(100_000))


def cut_short(path):
    with path.open("r+b") as file:
        file.truncate(50_000)


def nothing_but_its_head(path):
    content = path.read_bytes()
    path.write_bytes(content[:100] + os.urandom(len(content) - 100))


def changed(path, *statements):
    """Change a file as its owner could."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for statement in statements:
            file.execute(statement)


class TestViews:
    @pytest.fixture
    def followed(self, filled):
        assert filled("projections", "follow").code == 0
        return filled

    @pytest.fixture(params=[random_bytes, cut_short, nothing_but_its_head])
    def damaged(self, request, followed):
        request.param(followed.store / "views-1.db")
        return followed

    @pytest.mark.parametrize("verb", [("projections", "verify"), ("search", "berger")])
    def test_a_verb_that_reads_them_says_how_they_are_made_again(self, damaged, verb):
        answer = damaged(*verb)

        assert answer.code == REFUSED
        assert "views-1.db is damaged" in answer.err
        assert REBUILD in answer.err
        assert "backup" not in answer.err

    def test_a_rebuild_makes_them_again(self, damaged):
        assert damaged("projections", "rebuild").code == 0

        assert damaged("projections", "verify").code == 0
        assert damaged.contact_of("berger")
        assert [path.name for path in damaged.store.glob("views-*.db")] == ["views-2.db"]

    def test_doctor_tells_them_from_the_log(self, damaged):
        found = findings(damaged)

        assert found["views"][0] is False
        assert REBUILD in found["views"][1]
        assert found["log"][0] is found["file"][0] is True

    @pytest.mark.parametrize("pointer", [b"foo", b"32.../../x", b"32.-1", b"", b"\xff\xfe"])
    def test_a_damaged_pointer_is_treated_in_the_same_way(self, followed, pointer):
        (followed.store / "views.current").write_bytes(pointer)

        answer = followed("search", "berger")
        assert answer.code == REFUSED
        assert "views.current is damaged" in answer.err
        assert REBUILD in answer.err

        assert followed("projections", "rebuild").code == 0
        assert followed("projections", "verify").code == 0

    @pytest.mark.parametrize(
        "done",
        [
            "INSERT INTO search_text(search_text, rowid, text) "
            "SELECT 'delete', number, text FROM search_value WHERE text = 'berger'",
            "DELETE FROM search_text_data WHERE id > 10",
        ],
        ids=["one value", "all"],
    )
    def test_an_index_of_the_search_that_lost_something_is_not_sound(self, followed, done):
        changed(followed.store / "views-1.db", done)

        answer = followed("projections", "verify", "--json")

        assert answer.code == REFUSED
        unsound = [one["name"] for one in json.loads(answer.out) if not one["sound"]]
        assert unsound == ["search"]
        assert "BROKEN INDEX" in followed("projections", "verify").out

        assert followed("projections", "rebuild").code == 0
        assert followed("projections", "verify").code == 0
        assert followed.contact_of("berger")


class TestLog:
    def test_damaged_pages_are_told_with_the_name_of_the_file(self, filled):
        nothing_but_its_head(filled.store / "events.db")

        answer = filled("search", "berger")

        assert answer.code == REFUSED
        assert "events.db is damaged" in answer.err
        assert "Restore it from a backup" in answer.err
        assert REBUILD not in answer.err

    @pytest.mark.parametrize(
        "verb", [("search", "berger"), ("ingest", "traffic.jsonl"), ("projections", "rebuild")]
    )
    @pytest.mark.parametrize("left", ["keys.db", "views-1.db"])
    def test_a_log_that_is_gone_is_not_made_anew(self, filled, monkeypatch, verb, left):
        assert filled("projections", "follow").code == 0
        monkeypatch.chdir(filled.folder)
        for file in filled.store.iterdir():
            if file.name not in (left, "master.key"):
                file.unlink()

        answer = filled(*verb)

        assert answer.code == WRONG_USE
        assert "events.db is missing" in answer.err
        assert "Restore it from a backup" in answer.err
        assert not (filled.store / "events.db").exists()

    def test_doctor_says_that_it_is_gone(self, filled):
        (filled.store / "events.db").unlink()

        assert "events.db is missing" in findings(filled)["store"][1]

    def test_a_store_whose_first_command_was_killed_before_the_log_is_made_all_the_same(self, cli):
        killed = Folder(cli.store)
        key = killed.key_encryption_key(os.urandom)
        KeyRing(killed.keys(SCHEMA), key, os.urandom).close()

        assert cli("ingest", cli.traffic()).code == 0

    @pytest.mark.parametrize(
        "verb", [("search", "berger"), ("ingest", "traffic.jsonl"), ("projections", "rebuild")]
    )
    def test_a_log_that_was_emptied_is_not_taken_for_a_new_one(self, filled, monkeypatch, verb):
        monkeypatch.chdir(filled.folder)
        (filled.store / "events.db").write_bytes(b"")

        answer = filled(*verb)

        assert answer.code == REFUSED
        assert "The log is older than its keys" in answer.err
        assert "Restore events.db" in answer.err
        assert findings(filled)["open"][0] is False

    def test_keys_that_nothing_was_stored_with_leave_an_empty_log_in_use(self, cli):
        with Engine.open(cli.store) as killed_in_its_first_batch:
            killed_in_its_first_batch.store.keys.reserve(3_000)
            killed_in_its_first_batch.store.keys._ready.clear()

        assert cli("ingest", cli.traffic()).code == 0
        assert cli.contact_of("berger")


class TestIndex:
    @pytest.mark.parametrize("table", INDEX_TABLES)
    def test_a_table_that_is_gone_is_found_by_doctor(self, filled, table):
        changed(filled.store / "events.db", f"DROP TABLE {table}")

        found = findings(filled)

        told = found.get("open") or found["match index"]
        assert told[0] is False
        assert table in told[1]
        assert "identity-engine projections rebuild --index" in told[1]

    def test_whoever_needs_it_says_how_it_is_made_again(self, filled):
        changed(filled.store / "events.db", "DROP TABLE posting")

        answer = filled("ingest", filled.write("more.jsonl", lines([event("9", phone())])))

        assert answer.code == REFUSED
        assert "no such table: posting" in answer.err
        assert "identity-engine projections rebuild --index" in answer.err
        assert filled("projections", "rebuild", "--index").code == 0
        assert findings(filled)["match index"][0] is True

    @pytest.mark.parametrize(
        "lost", ["DELETE FROM posting", "DELETE FROM interaction WHERE number = 2"]
    )
    def test_rows_that_are_gone_are_found_by_doctor(self, filled, lost):
        assert findings(filled)["match index"][0] is True
        changed(filled.store / "events.db", lost)

        assert findings(filled)["match index"][0] is False

    def test_one_that_nothing_leads_to_is_nothing_lost(self, cli):
        only_a_city = event("1", profile={"city": "Ulm"})
        assert cli("ingest", cli.write("one.jsonl", lines([only_a_city]))).code == 0

        assert findings(cli)["match index"][0] is True

    def test_what_people_entered_is_no_interaction(self, filled):
        created = filled("contact", "create", "--set", "given_name=Olga")
        assert created.code == 0, created

        assert findings(filled)["match index"][0] is True


class TestWhatIsLost:
    def test_an_event_from_the_middle_is_found_by_doctor(self, filled):
        assert findings(filled)["events"][0] is True
        changed(filled.store / "events.db", "DELETE FROM stored_events WHERE rowid = 4")

        found = findings(filled)["events"]

        assert found[0] is False
        assert "Restore events.db" in found[1]

    def test_a_data_key_is_found_by_doctor(self, filled):
        assert findings(filled)["data keys"][0] is True
        changed(filled.store / "keys.db", "DELETE FROM data_key WHERE key_id = 1")

        found = findings(filled)["data keys"]

        assert found[0] is False
        assert "Restore the keys.db" in found[1]

    def test_a_damaged_data_key_is_no_fault_of_the_master_key(self, filled):
        changed(filled.store / "keys.db", "UPDATE data_key SET wrapped = zeroblob(60)")

        answer = filled("projections", "verify")

        assert answer.code == REFUSED
        assert "keys.db is damaged" in answer.err
        assert "backup" in answer.err
        assert "master.key" not in answer.err

    def test_room_on_the_disk_is_no_matter_of_rights(self, filled, monkeypatch):
        def no_room(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Folder, "log", no_room)

        sound, told = findings(filled)["open"]

        assert not sound
        assert told == (
            "The store cannot be opened; the operating system says: No space left on device. "
            "Make room on the disk of the store."
        )

    def test_what_was_erased_is_not_lost(self, filled):
        with Engine.open(filled.store) as engine:
            engine.store.keys.destroy([1])

        assert findings(filled)["data keys"][0] is True


class TestNoStore:
    @pytest.mark.parametrize("beside", [False, True])
    def test_verify_makes_none(self, filled, beside):
        nowhere = filled.folder / "nowhere"
        given = ["--store", filled.store, "--against", nowhere] if beside else ["--store", nowhere]

        answer = filled.bare("store", "verify", *given)

        assert answer.code == WRONG_USE
        assert f"There is no store in {nowhere}" in answer.err
        assert not nowhere.exists()

    @pytest.mark.parametrize("verb", ["ingest traffic.jsonl", "search berger"])
    def test_a_file_is_no_folder(self, cli, monkeypatch, verb):
        monkeypatch.chdir(cli.folder)
        cli.traffic()

        answer = cli.bare(*verb.split(), "--store", "/dev/null")

        assert answer.code == WRONG_USE
        assert "/dev/null is no folder" in answer.err
        assert "--store" in answer.err
