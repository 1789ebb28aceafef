"""A CRM behind a plain REST interface (`docs/reference/crm.md`), for systems without an adapter of
their own: a small gateway in front of them is enough."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from identity_engine.adapters.crm_records import record_from
from identity_engine.adapters.guarded_http import GuardedHttp, read_object, readable, segment
from identity_engine.errors import RemoteError
from identity_engine.ports.crm import PERSON_TYPES, Activity, CrmRecord, CrmReference, Written


class RestCrm:
    """Speaks the plain interface.

    Args:
        http: the gateway.
        token: sent as a bearer token; None sends none.
    """

    def __init__(self, http: GuardedHttp, token: str | None) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def write(self, activity: Activity) -> Written:
        """Put the activity under its key."""
        record = {"type": activity.record.type, "id": activity.record.id}
        answer = self._object(
            "PUT",
            f"/activities/{segment(activity.key)}",
            {"record": record, "fields": dict(activity.fields)},
        )
        version = answer.get("version")
        return Written(self._text(answer, "id"), None if version is None else str(version))

    def withdraw(self, key: str) -> None:
        """Delete the activity under its key."""
        try:
            self._call("DELETE", f"/activities/{segment(key)}")
        except RemoteError as failure:
            if failure.reason != "not_found":
                raise

    def create(self, type_: str, key: str, fields: Mapping[str, str]) -> CrmRecord:
        """Put the record under its key."""
        path = f"/records/{segment(type_)}/{segment(key)}"
        return self._record(self._object("PUT", path, {"fields": dict(fields)}) | {"type": type_})

    def related(self, records: Sequence[CrmReference], *, household: bool) -> list[CrmRecord]:
        """Ask for what is related; the gateway's order is kept within a type."""
        asked = {
            "records": [{"type": one.type, "id": one.id} for one in records],
            "household": household,
        }
        return self._records(self._object("POST", "/related", asked))

    def expand(self, record: CrmReference) -> list[CrmRecord]:
        """Ask for the rows that hang on one record."""
        path = f"/records/{segment(record.type)}/{segment(record.id)}/related"
        return self._records(self._object("GET", path))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.call(method, path, headers=self._headers, json=body)

    def _object(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return read_object(self._http.system, self._call(method, path, body))

    def _records(self, answer: dict[str, Any]) -> list[CrmRecord]:
        listed = answer.get("records")
        if not isinstance(listed, list):
            raise RemoteError(self._http.system, "unreadable")
        ranks = {type_: rank for rank, type_ in enumerate(PERSON_TYPES)}
        found = readable(self._http.system, listed, self._record)
        return sorted(found, key=lambda one: ranks.get(one.type, len(ranks)))

    def _record(self, said: Any) -> CrmRecord:
        named = said if isinstance(said, dict) else {}
        type_ = self._text(named, "type")
        others = (named.get(name) for name in ("id", "label", "address"))
        return record_from(self._http.system, type_, *others)

    def _text(self, said: Any, name: str) -> str:
        value = said.get(name) if isinstance(said, dict) else None
        if not isinstance(value, str | int) or not str(value):
            raise RemoteError(self._http.system, "unreadable")
        return str(value)
