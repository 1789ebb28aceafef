"""Reading stored events, the same on every database."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from identity_engine.event_store.ids import id_bytes, id_text
from identity_engine.event_store.mapper import NewRow, StoredRow
from projections.sql import Cursor

STORED = "rowid, originator_id, originator_version, topic, state"


def new_rows(events: Sequence[StoredEvent]) -> list[NewRow]:
    """Return events of the library as the rows that are inserted."""
    return [
        NewRow(id_bytes(one.originator_id), one.originator_version, one.topic, one.state)
        for one in events
    ]


class StoredEvents(ABC):
    """What both recorders answer, over the table `stored_events`. Stream ids are UUIDs, stored as their
    16 bytes."""

    datastore: Any

    @abstractmethod
    def reading(self) -> AbstractContextManager[Cursor]:
        """Open one consistent view."""

    def select(
        self,
        where: str,
        parameters: Sequence[Any],
        *,
        order: str,
        limit: int | None = None,
        cursor: Cursor | None = None,
    ) -> list[StoredRow]:
        """Return stored events by a condition that is written in this package, never by a user.

        `cursor` reads in its own open transaction.
        """
        if cursor is None:
            with self.reading() as own:
                return self.select(where, parameters, order=order, limit=limit, cursor=own)
        rows = cursor.execute(
            f"SELECT {STORED} FROM stored_events WHERE {where} ORDER BY {order}"
            + (" LIMIT ?" if limit is not None else ""),
            [*parameters, limit] if limit is not None else parameters,
        )
        return list(map(StoredRow._make, rows.fetchall()))

    @abstractmethod
    def insert(self, cursor: Cursor, rows: Sequence[NewRow]) -> range:
        """Store events under the write lock and return their positions."""

    def head(self) -> int:
        """Return the last position, 0 where there is none."""
        with self.reading() as cursor:
            (head,) = cursor.execute("SELECT COALESCE(MAX(rowid), 0) FROM stored_events").fetchone()
        return int(head)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self.select(
            "originator_id = ?"
            + (" AND originator_version > ?" if gt is not None else "")
            + (" AND originator_version <= ?" if lte is not None else ""),
            [id_bytes(originator_id), *(bound for bound in (gt, lte) if bound is not None)],
            order=f"originator_version {'DESC' if desc else 'ASC'}",
            limit=limit,
        )
        return [
            StoredEvent(self._as_id(row.stream), row.version, row.topic, row.state) for row in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        conditions, parameters = ["TRUE"], list[Any]()
        if start is not None:
            conditions.append("rowid >= ?" if inclusive_of_start else "rowid > ?")
            parameters.append(start)
        if stop is not None:
            conditions.append("rowid <= ?")
            parameters.append(stop)
        if topics:
            conditions.append(f"topic IN ({','.join('?' * len(topics))})")
            parameters += topics
        rows = self.select(" AND ".join(conditions), parameters, order="rowid", limit=limit)
        return [
            Notification(self._as_id(row.stream), row.version, row.topic, row.state, row.position)
            for row in rows
        ]

    def _as_id(self, stored: bytes) -> UUID | str:
        return (
            UUID(bytes=stored) if self.datastore.originator_id_type == "uuid" else id_text(stored)
        )
