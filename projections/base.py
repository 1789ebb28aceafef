"""What a projection is: a pure reader of the log that keeps rows, and says how to compare them."""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, ClassVar

import orjson
from msgspec import Struct

from aggregates.values import Fact, Header
from projections.sql import Connection, statements

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Recorded(Struct, frozen=True):
    """An event of the log, decoded.

    `position` is its place in the whole log (1 is the first), `version` its place in its stream.
    `recorded_at` is when it was stored, on one clock that never goes back; `header.valid_from` is
    when it became true. `key_id` names the data key of its personal part and `subject` whose key it
    is, 0 and None where it has none.
    """

    position: int
    stream_id: str
    version: int
    recorded_at: datetime
    header: Header
    fact: Fact
    key_id: int = 0
    subject: str | None = None


class Table(Struct, frozen=True):
    """One table of a view, for hashing.

    Args:
        name: the table.
        columns: the columns that say something, in order.
        key: the columns that order its rows.
        recorded: the columns that differ between two separate ingests of the same interactions,
            such as log positions and recorded times; the canonical hash leaves them out.
        state: condition of the rows that say what is so now; the canonical hash leaves out the others,
            which tell how it came about, such as a merge that was undone.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    recorded: frozenset[str] = frozenset()
    state: str = "TRUE"


Follows = Mapping[type[Fact], Callable[[Any, Recorded, Any], None]]
"""Fact -> the method of the rows that takes it."""


class Rows(ABC):
    """What one batch of events makes of a view's rows: a method for each fact that is followed.

    Each method is given the event and its fact and notes what is to be written; `write` writes it,
    a statement for each kind of row. Facts without a method change nothing.
    """

    follows: ClassVar[Follows]

    def __init__(self, views: Connection) -> None:
        self.views = views

    def take(self, events: Sequence[Recorded]) -> None:
        """Note what events change, in log order."""
        method_of = self.follows.get
        for event in events:
            method = method_of(type(event.fact))
            if method is not None:
                method(self, event, event.fact)

    @abstractmethod
    def write(self) -> None:
        """Write what was noted."""


class Projection(ABC):
    """A question that the log answers. One subclass for each folder here.

    A projection never raises on a fact of its own; facts it does not follow change nothing.
    """

    name: ClassVar[str]
    schema: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]

    rows: ClassVar[type[Rows]]

    def create(self, views: Connection) -> None:
        """Make the tables, empty."""
        for statement in statements(self.schema):
            views.execute(statement)

    def apply(self, views: Connection, events: Sequence[Recorded]) -> None:
        """Bring the rows forward by a batch of events, in log order."""
        rows = self.rows(views)
        rows.take(events)
        rows.write()

    def follows_any(self, kinds: AbstractSet[type[Fact]]) -> bool:
        """Tell whether facts of any of these kinds can change anything here."""
        return not self.rows.follows.keys().isdisjoint(kinds)

    def key(self, event: Recorded) -> str:
        """Return the partition of an event: what must wait if it fails. By default the member
        contact it touches, else its own stream."""
        return getattr(event.fact, "contact_id", None) or event.stream_id

    def is_whole(self, views: Connection) -> bool:  # noqa: ARG002 - for those that hold more than rows
        """Tell whether what is held beside the rows, to find them by, agrees with them. It may take the
        write lock of the views."""
        return True

    def exact_hash(self, views: Connection) -> str:
        """Return the SHA-256 over all rows in key order: equal for live, replay and copy."""
        digest = hashlib.sha256()
        for table in self.tables:
            rows = views.execute(
                f"SELECT {', '.join(table.columns)} FROM {table.name} "
                f"ORDER BY {', '.join(table.key)}"
            )
            digest.update(table.name.encode())
            for row in rows:
                digest.update(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        return digest.hexdigest()

    def canonical_hash(self, views: Connection, names: Mapping[str, str]) -> str:
        """Return the SHA-256 over what the rows say, whatever ids and times they were given.

        Args:
            views: the view file.
            names: what stands for each id: an interaction's (source, id), a contact's smallest.
        """
        digest = hashlib.sha256()
        for line in self._canonical_lines(views, names):
            digest.update(line)
        return digest.hexdigest()

    def _canonical_lines(self, views: Connection, names: Mapping[str, str]) -> Iterator[bytes]:
        for table in self.tables:
            said = [column for column in table.columns if column not in table.recorded]
            rows = views.execute(f"SELECT {', '.join(said)} FROM {table.name} WHERE {table.state}")
            yield table.name.encode()
            yield from sorted(orjson.dumps([_named(value, names) for value in row]) for row in rows)


def _named(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    return ID.sub(lambda found: names.get(found.group(), "?"), value)
