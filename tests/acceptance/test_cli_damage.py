"""Files of a store that are damaged or gone: each verb names the file and says what heals it."""

import json
import os
import sqlite3
from contextlib import closing

import pytest

REFUSED = 1
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


class TestLog:
    def test_damaged_pages_are_told_with_the_name_of_the_file(self, filled):
        nothing_but_its_head(filled.store / "events.db")

        answer = filled("search", "berger")

        assert answer.code == REFUSED
        assert "events.db is damaged" in answer.err
        assert "Restore it from a backup" in answer.err
        assert REBUILD not in answer.err
