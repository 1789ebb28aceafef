"""What such a view is made of."""

from typing import Literal

from msgspec import Struct

Type = Literal["text", "number", "flag", "time"]
"""On SQLite a flag is 1 or 0 and a time is UTC text; on PostgreSQL they are boolean and timestamptz."""


class Column(Struct, frozen=True):
    """One column, and what it means."""

    name: str
    type: Type
    meaning: str


class ApiView(Struct, frozen=True):
    """One view.

    Args:
        name: by which it is read.
        meaning: what a row stands for.
        columns: in order; new ones come last, none is renamed or goes.
        select: gives them in this order and under these names, in the SQL of `projections.sql`.
        divisions: the columns with the divisions that a reader must see to see the row, all of them.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    select: str
    divisions: tuple[str, ...] = ("division",)
