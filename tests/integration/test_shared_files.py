"""Opening a file beside others who have it open: nobody is shut out, nobody's lock is lost."""

import sqlite3
import subprocess
import sys

import pytest

from identity_engine.errors import StoreBusy
from identity_engine.event_store.sqlite_files import configure, connect, create_private

TRY_TO_WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError:
    print("locked")
else:
    print("free")
"""


def another_process_finds_it(path):
    return subprocess.run(
        [sys.executable, "-c", TRY_TO_WRITE, str(path)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_making_sure_of_a_file_drops_no_lock_that_this_process_holds_on_it(tmp_path):
    # POSIX drops all locks of a process on a file when it closes any of its handles to the file.
    path = tmp_path / "file.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert another_process_finds_it(path) == "locked"

    create_private(path)

    assert another_process_finds_it(path) == "locked"
    holder.close()


class Crowded(sqlite3.Connection):
    """A connection that finds others in the way when it asks for the write-ahead log."""

    others = 0

    def execute(self, statement, *arguments):
        if "journal_mode" in statement and self.others:
            self.others -= 1
            raise sqlite3.OperationalError("database is locked")
        return super().execute(statement, *arguments)


@pytest.fixture
def crowded(tmp_path):
    connection = sqlite3.connect(tmp_path / "file.db", factory=Crowded, isolation_level=None)
    yield connection
    connection.close()


def test_two_processes_may_switch_a_new_file_to_the_write_ahead_log_at_once(crowded):
    crowded.others = 3

    configure(crowded, in_memory=False, durable=True, cache_mib=1)

    assert crowded.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_switching_is_given_up_in_the_end(crowded):
    crowded.others = 10_000

    with pytest.raises(StoreBusy):
        configure(crowded, in_memory=False, durable=True, cache_mib=1)


def test_a_new_file_is_readable_by_its_owner_alone_from_the_start(tmp_path):
    connect(tmp_path / "file.db").close()
    assert (tmp_path / "file.db").stat().st_mode & 0o777 == 0o600
