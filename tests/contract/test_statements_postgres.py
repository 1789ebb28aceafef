"""What many rows at once do on PostgreSQL is what they do on SQLite, one after the other."""

from contextlib import closing

import psycopg
import pytest

from identity_engine.event_store.postgres.dialect import PostgresConnection
from identity_engine.event_store.sqlite_files import connect
from projections.sql import upsert
from tests.support.postgres import shared_server

TABLE = "CREATE TABLE told (name TEXT, place INTEGER, said TEXT, PRIMARY KEY (name, place))"
WRITE = (
    "INSERT INTO told VALUES (?, ?, ?) ON CONFLICT (name, place) DO UPDATE SET said = excluded.said"
)
LATER = upsert("told", ("said", "place", "name"), ("place", "name"))
KEEP = "INSERT OR IGNORE INTO told VALUES (?, ?, ?)"


@pytest.fixture
def both():
    address = shared_server().database()
    with psycopg.connect(address, autocommit=True) as plain:
        plain.execute("CREATE SCHEMA told")
    with (
        closing(connect(None)) as sqlite,
        closing(
            PostgresConnection(lambda: psycopg.connect(address, autocommit=True), "told")
        ) as postgres,
    ):
        for one in (sqlite, postgres):
            one.executescript(TABLE)
        yield sqlite, postgres


def rows(connection):
    return connection.execute("SELECT name, place, said FROM told ORDER BY name, place").fetchall()


def same_on(both, write):
    for connection in both:
        write(connection)
    sqlite, postgres = both
    assert rows(postgres) == rows(sqlite) != []


@pytest.mark.parametrize("statement", [WRITE, KEEP], ids=["replace", "keep"])
@pytest.mark.parametrize("names", [1, 7, 700], ids=["one key", "keys again and again", "all apart"])
def test_many_rows(both, statement, names):
    told = [(f"n{number % names}", 1, f"{number} %b $1") for number in range(700)]
    same_on(both, lambda connection: connection.executemany(statement, told))


def test_rows_whose_key_is_named_in_another_order(both):
    told = [(f"said {number}", number % 5, "name") for number in range(20)]
    same_on(both, lambda connection: connection.executemany(LATER, told))


def test_rows_that_are_there_already(both):
    told = [("n", place, "first") for place in range(300)]
    again = [("n", place, None) for place in range(100, 400)]
    for statement in (WRITE, KEEP):
        same_on(both, lambda connection: connection.executemany(WRITE, told))
        same_on(both, lambda connection, by=statement: connection.executemany(by, again))


def test_one_statement_of_many_places(both):
    many = "INSERT INTO told VALUES " + ", ".join(["(?, ?, '100 % of ?')"] * 60)
    given = [value for place in range(60) for value in ("n", place)]
    same_on(both, lambda connection: connection.execute(many, given))
