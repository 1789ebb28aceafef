"""Waiting for the log in a SQLite file to move, whichever process writes."""

import sqlite3
import time
from typing import Final

LOOK_SECONDS: Final = 0.02


class FileWatch:
    """Sees by a counter of SQLite that any other connection, in any process, has written.

    Args:
        connection: used for nothing else: what it writes itself, it would not see.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._seen = self._count()

    def wait(self, seconds: float) -> bool:
        """Look now and then until something was written."""
        until = time.monotonic() + seconds
        while (count := self._count()) == self._seen:
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(LOOK_SECONDS, left))
        self._seen = count
        return True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _count(self) -> int:
        (count,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(count)
