"""HTTP to one configured system: no other host, no redirect, no private address, 3 s and 1 MiB.

The host comes from the settings only. Its name is resolved once for each call, every address is
checked, and the connection goes to the address that was checked, so that a name cannot point elsewhere
a moment later.
"""

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import orjson

from identity_engine.adapters.deadline import FAILED, TIMED_OUT, DeadlineTransport
from identity_engine.errors import PASSING, RemoteError
from identity_engine.observing.logbook import Logbook

book = Logbook(__name__)
T = TypeVar("T")

TIMEOUT_SECONDS = 3.0
MAX_BYTES = 1 << 20
FAILURES = {
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    408: "timed_out",
    409: "conflict",
    412: "conflict",
    429: "throttled",
}


class GuardedHttp:
    """Calls one system.

    Args:
        system: its name, for errors.
        url: where it is, http or https, maybe with a path.
        allow_private: let it be on a private network or on this machine.
        timeout_seconds, max_bytes: how long a call may take and how much an answer may hold.
    """

    def __init__(
        self,
        system: str,
        url: str,
        *,
        allow_private: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.system = system
        self._base = httpx.URL(url)
        self._allow_private = allow_private
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._transport = DeadlineTransport()
        # No proxy of the environment: it would connect to an address that nobody has checked.
        self._client = httpx.Client(transport=self._transport, trust_env=False)

    def request(
        self,
        method: str,
        path: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return the whole answer, whatever its status.

        Args:
            method: the verb.
            path: below the configured address, percent-encoded.
            headers: besides the usual ones.
            json, form, content: the body, one of them at most.
            query: parameters; nothing personal belongs there.

        Raises:
            RemoteError: there is no answer that may be read.
        """
        self._transport.deadline.begin(self._timeout_seconds)
        address = self._checked_address()
        url = self._base.copy_with(host=address, path=self._base.path.rstrip("/") + path)
        try:
            with self._client.stream(
                method,
                url,
                headers={**(headers or {}), "Host": self._base.netloc.decode()},
                json=json,
                data=form,
                content=content,
                params=query,
                extensions={"sni_hostname": self._base.host},
                follow_redirects=False,
            ) as response:
                return self._read(response)
        except TIMED_OUT:
            raise RemoteError(self.system, "timed_out") from None
        except FAILED:
            raise RemoteError(self.system, "unreachable") from None

    def call(self, method: str, path: str = "", **sent: Any) -> httpx.Response:
        """Return the answer to a call that must succeed.

        Raises:
            RemoteError: there is none, or its status is not one of success.
        """
        response = self.request(method, path, **sent)
        failure = failure_of(self.system, response)
        if failure is not None:
            raise failure
        return response

    def _read(self, response: httpx.Response) -> httpx.Response:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > self._max_bytes:
                raise RemoteError(self.system, "too_large")
        # Already decoded, so the headers that describe the encoding no longer hold.
        headers = [
            (name, value)
            for name, value in response.headers.raw  # bytes, of any encoding
            if name.lower() not in {b"content-encoding", b"content-length", b"transfer-encoding"}
        ]
        return httpx.Response(
            response.status_code, headers=headers, content=bytes(content), request=response.request
        )

    def _checked_address(self) -> str:
        port = self._base.port or (443 if self._base.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(self._base.host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise RemoteError(self.system, "unreachable") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private and not all(map(_is_public, addresses)):
            raise RemoteError(self.system, "private_address")
        return addresses[0]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def failure_of(system: str, response: httpx.Response) -> RemoteError | None:
    """Return what an answer's status means, None where it is one of success."""
    if response.is_success:
        return None
    reason = FAILURES.get(response.status_code, "refused")
    if response.is_redirect:
        reason = "redirected"
    elif response.is_server_error:
        reason = "unavailable"
    return RemoteError(system, reason, _retry_after(response) if reason in PASSING else None)


def read_object(system: str, response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that an answer holds.

    Raises:
        RemoteError: it holds none.
    """
    try:
        found = orjson.loads(response.content)
    except ValueError:  # also where it is nested too deep, or is text that no store takes
        raise RemoteError(system, "unreadable") from None
    if not isinstance(found, dict):
        raise RemoteError(system, "unreadable")
    return found


def readable(system: str, listed: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
    """Return the records of an answer that can be read; one that cannot is counted in the log, and hides
    none of the others.

    Raises:
        RemoteError: `unreadable`, none can be read. `read` raises it for one.
    """
    found = []
    for said in listed:
        with suppress(RemoteError):
            found.append(read(said))
    unreadable = len(listed) - len(found)
    if unreadable and not found:
        raise RemoteError(system, "unreadable")
    if unreadable:
        book.warning("records_unreadable", count=unreadable)
    return found


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    # An IPv4 address in IPv6 clothes is as private as it is without them.
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def _retry_after(response: httpx.Response) -> float | None:
    said = response.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() else None
