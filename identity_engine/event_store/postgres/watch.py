"""Waiting for the log on PostgreSQL to move.

A watch listens before its owner reads first, so nothing comes between a read and the wait (T5).
"""

import time
from contextlib import suppress
from typing import Any

import psycopg


class ChannelWatch:
    """Listens to what PostgreSQL tells with each commit.

    Args:
        parameters: of the connection.
        channel: what a writer notifies.
    """

    def __init__(self, parameters: dict[str, Any], channel: str) -> None:
        self._parameters = parameters
        self._channel = channel
        self._connection: psycopg.Connection[Any] | None = None
        with suppress(psycopg.OperationalError):  # the first wait tries again
            self._connection = self._listening()

    def wait(self, seconds: float) -> bool:
        """Wait for a notification. One that was missed while the connection was away is taken as given
        when it is back; until then this waits in vain."""
        started = time.monotonic()
        try:
            if self._connection is None:
                self._connection = self._listening()
                return True
            return self._is_told(self._connection, seconds)
        except psycopg.OperationalError:
            self.close()
            time.sleep(max(0.0, seconds - (time.monotonic() - started)))
            return False

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_told(self, connection: psycopg.Connection[Any], seconds: float) -> bool:
        told = any(True for _ in connection.notifies(timeout=seconds, stop_after=1))
        for _ in connection.notifies(timeout=0):  # many commits, one look
            told = True
        return told

    def _listening(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self._parameters, autocommit=True)
        connection.execute(f"LISTEN {self._channel}")
        return connection
