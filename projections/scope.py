"""Reading only what lies in some divisions: one condition for every query that lists."""

from collections.abc import Collection

import orjson


def within(column: str) -> str:
    """Return the condition that a division is one of those in the parameter `:divisions`."""
    return (
        "(CAST(:divisions AS TEXT) IS NULL "
        f"OR {column} IN (SELECT value FROM json_each(:divisions)))"
    )


def among(divisions: Collection[str] | None) -> str | None:
    """Return what `:divisions` is bound to; None stands for all."""
    return None if divisions is None else orjson.dumps(sorted(divisions)).decode()
