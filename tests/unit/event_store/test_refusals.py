"""What SQLite refuses is told with what to do about it."""

import sqlite3
from contextlib import closing

import pytest

from identity_engine.event_store.sqlite_files import refusal


def refused(address, statement="CREATE TABLE t (x)"):
    """What a statement of SQLite is refused with, told by us."""
    with (
        pytest.raises(sqlite3.OperationalError) as raised,
        closing(sqlite3.connect(address, uri=True)) as connection,
    ):
        connection.execute(statement)
    return str(refusal(raised.value))


def test_a_file_that_may_only_be_read_is_no_fault_of_the_disk(tmp_path):
    sqlite3.connect(tmp_path / "x.db").close()

    said = refused(f"file:{tmp_path}/x.db?mode=ro")

    assert "readonly database" in said
    assert "Let this user read and write the store's folder" in said
    assert "copy the store to where you may write" in said
    assert "disk" not in said


def test_nor_is_one_that_cannot_be_opened(tmp_path):
    assert "Let this user read and write" in refused(f"file:{tmp_path}/no/x.db")
