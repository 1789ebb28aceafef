"""A store is dumped and restored with the tools of PostgreSQL, as the page on PostgreSQL says."""

import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from identity_engine import Engine
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.postgres.roles import bring
from tests.support.interactions import customer, event, phone
from tests.support.postgres import binaries, shared_server
from tests.support.world import world

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-on-postgresql.md"
NAME = "contacts"


def tool_lines():
    """The commands of the page that run a tool of PostgreSQL, as words."""
    section = PAGE.read_text("utf-8").partition("## Back up and restore")[2].partition("\n## ")[0]
    lines = re.findall(r"^(?:pg_dump|createdb|pg_restore) .+$", section, re.MULTILINE)
    assert [line.split()[0] for line in lines].count("pg_restore") == 2
    return [line.split() for line in lines]


def run(words, name, restored, folder):
    tool, *rest = words
    database = name if tool == "pg_dump" else restored
    rest = [one.replace(f"={NAME}", f"={database}") for one in rest]
    rest = [database if one == NAME else one for one in rest]
    where = ["--host=127.0.0.1", f"--port={shared_server().port}", "--username=postgres"]
    subprocess.run([binaries() / tool, *where, *rest], check=True, cwd=folder)


@pytest.mark.parametrize("with_roles", [False, True], ids=["one role", "group roles"])
def test_what_the_page_says_brings_back_the_store_with_all_that_is_built_from_it(
    tmp_path, with_roles
):
    server, key = shared_server(), tmp_path / "master.key"
    address = server.database()
    with psycopg.connect(address, autocommit=True) as owner:
        bring(owner, with_roles=with_roles)
    with Engine(Server(address, key), world()) as engine:
        (made, _) = engine.ingest([event("1", phone(), customer("C-1")), event("2", phone())])
        before, head = engine.profile(made.contact_id), engine.store.head()
    restored = f"{address}_restored"
    try:
        for words in tool_lines():
            run(words, address.rpartition("/")[2], restored.rpartition("/")[2], tmp_path)
        with psycopg.connect(restored, autocommit=True) as owner:
            assert bring(owner, with_roles=with_roles) == []
        with Engine(Server(restored, key), world()) as engine:
            engine.rebuild()
            assert engine.store.head() == head
            assert engine.profile(made.contact_id) == before
            assert all(one.is_sound for one in [*engine.verify(), engine.verify_index()])
        with psycopg.connect(restored) as reader:
            assert reader.execute("SELECT to_regclass('api_v1.contacts')").fetchone() != (None,)
    finally:
        for one in (address, restored):
            server.drop(one)
