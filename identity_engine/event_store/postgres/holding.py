"""Sharing out work by advisory locks of PostgreSQL.

They belong to a session, so they go with the process that holds them: when it dies, when its connection
is cut, and when it was stopped for so long that the server ends its idle session.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg

from identity_engine.event_store.postgres.dialect import told_plainly

SILENCE_MS: Final = 5_000
"""A session that says nothing for so long is thought dead."""

KEY: Final = "hashtextextended(%s, 0)"
WORKERS: Final = f"""
SELECT COUNT(*) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((classid::bigint << 32) | objid::bigint) = {KEY} AND objsubid = 1
"""
"""How many sessions take part: each shares one lock with all others."""


class SessionHolding:
    """Parts of some work that this process holds.

    Args:
        connect: opens a connection in autocommit mode.
        work: names it.
        parts: what can be held, in the order in which it is taken.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], work: str, parts: Sequence[str]
    ) -> None:
        self._connect = connect
        self._work = f"identity-engine/{work}"
        self._parts = parts
        self._connection: psycopg.Connection[Any] | None = None
        self._held: list[str] = []

    def renew(self) -> frozenset[str]:
        """Hold as many parts as the others, as far as they are free."""
        try:
            with told_plainly():
                self._share(self._session())
        except BaseException:
            self.close()
            raise
        return frozenset(self._held)

    def close(self) -> None:
        """End the session, and with it all that it holds."""
        self._held = []
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _session(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = self._connect()
            self._connection.execute(f"SET idle_session_timeout = {SILENCE_MS}")
            self._connection.execute(f"SELECT pg_advisory_lock_shared({KEY})", (self._work,))
        return self._connection

    def _share(self, session: psycopg.Connection[Any]) -> None:
        (workers,) = session.execute(WORKERS, (self._work,)).fetchone() or (1,)
        share = -(-len(self._parts) // workers)
        while len(self._held) > share:
            session.execute(f"SELECT pg_advisory_unlock({KEY})", (self._lock_of(self._held.pop()),))
        for part in self._parts:
            if len(self._held) == share:
                return
            if part not in self._held and self._takes(session, part):
                self._held.append(part)

    def _takes(self, session: psycopg.Connection[Any], part: str) -> bool:
        (is_ours,) = session.execute(
            f"SELECT pg_try_advisory_lock({KEY})", (self._lock_of(part),)
        ).fetchone() or (False,)
        return bool(is_ours)

    def _lock_of(self, part: str) -> str:
        return f"{self._work}/{part}"
