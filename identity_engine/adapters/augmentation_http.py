"""A source behind HTTP: one POST with the identifiers, answered by JSON records.

The identifiers travel in the body and never in an address, so that no log of a proxy holds them. The
interface is written down in `docs/reference/augmentation.md`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx

from identity_engine.adapters.guarded_http import GuardedHttp, failure_of, read_object, readable
from identity_engine.errors import RemoteError
from identity_engine.ports.augmentation import FoundRecord, Named

MAX_RECORDS = 50
MAX_VALUES = 100
MAX_TEXT = 1_000


class HttpSource:
    """Asks one address.

    Args:
        http: the source.
        token: sent as a bearer token; None sends none.
    """

    def __init__(self, http: GuardedHttp, token: str | None) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def look_up(self, identifiers: Sequence[Named]) -> list[FoundRecord]:
        """Ask for the records of these identifiers.

        A record that cannot be read is logged and left out, so that it hides none of the others.
        """
        asked = {"identifiers": [one._asdict() for one in identifiers]}
        answer = self._http.request("POST", headers=self._headers, json=asked)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return []
        # A 404 may as well be a wrong address, so it is a failure and never "nothing found".
        failure = failure_of(self._http.system, answer)
        if failure is not None:
            raise failure
        listed = read_object(self._http.system, answer).get("records")
        if not isinstance(listed, list):
            raise RemoteError(self._http.system, "unreadable")
        if len(listed) > MAX_RECORDS:
            raise RemoteError(self._http.system, "too_large")
        return readable(self._http.system, listed, partial(_found, self._http.system))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _found(system: str, said: object) -> FoundRecord:
    """Return a record, of its values those that are text.

    Raises:
        RemoteError: `unreadable`, it has not the form of one.
    """
    record = _object(said)
    reference, listed = _text(record.get("id")), record.get("identifiers", [])
    given = record.get("fields", {})
    if reference is None or not isinstance(listed, list) or not isinstance(given, dict):
        raise RemoteError(system, "unreadable")
    identifiers = map(_object, listed[:MAX_VALUES])
    named = [(_text(one.get("type")), _text(one.get("value"))) for one in identifiers]
    fields = {
        name: tuple(text for text in map(_text, _several(told)) if text is not None)
        for name, told in list(given.items())[:MAX_VALUES]
    }
    return FoundRecord(
        reference,
        tuple(Named(type_, value) for type_, value in named if type_ and value),
        {name: texts for name, texts in fields.items() if texts},
    )


def _object(said: object) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _several(said: object) -> list[Any]:
    return said[:MAX_VALUES] if isinstance(said, list) else [said]


def _text(said: object) -> str | None:
    """Return a text, also a whole number as one; None where it is neither, or empty or too long."""
    text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    return text if 0 < len(text) <= MAX_TEXT else None
