"""Health and metrics of one worker over HTTP: `/livez`, `/readyz`, `/metrics`.

    with monitored(engine, "127.0.0.1:9464", stopping) as stopping:
        engine.consume(subscription, stopping=stopping)

The worker's loop asks often whether it is to stop, and by that shows that it turns. Everything else is
asked beside it, on other threads and connections, so that no probe holds up the work and a store that
hangs does not silence `/livez`.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic
from typing import Any, Final

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from identity_engine.application.engine import Engine
from identity_engine.errors import ConfigurationError, IdentityEngineError
from identity_engine.event_store.sqlite.folder import Folder
from identity_engine.monitoring.metrics import Metrics
from identity_engine.monitoring.probes import Looks
from identity_engine.observing.logbook import Logbook, heard_by

book = Logbook(__name__)

LOOPBACK: Final = "127.0.0.1"
CLIENT_SECONDS: Final = 5.0
"""A client that sends no whole request in this time is dropped."""

STALL_SECONDS: Final = 120.0
"""Longer than the longest statement that a server is given time for."""

Check = Callable[[], None]
"""Returns where all is well, and raises an error of ours where not."""


def _never() -> bool:
    return False


@contextmanager
def monitored(
    engine: Engine,
    address: str | None,
    stopping: Callable[[], bool] = _never,
    *,
    needs: Mapping[str, Check] | None = None,
    stall_seconds: float = STALL_SECONDS,
) -> Iterator[Callable[[], bool]]:
    """Answer for a worker while it works.

    Args:
        engine: what it works with; its store is looked at over other connections.
        address: `HOST:PORT`, or a port of the loopback (0: any free one, told in the logbook); None:
            nothing is answered.
        stopping: whether the worker is to stop.
        needs: what else must answer before the worker is ready, by name, such as `brokers`.
        stall_seconds: after so many seconds without a turn of the loop the worker counts as stuck.

    Yields:
        What the worker's loop asks whether to stop.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    if address is None:
        yield stopping
        return
    place = engine.store.place
    if isinstance(place, Folder) and place.path is None:
        raise ConfigurationError("A store in memory cannot be monitored: nobody else can see it.")
    metrics = Metrics("sqlite" if isinstance(place, Folder) else "postgresql")
    monitor = Monitor(Looks(place), metrics, needs or {}, stall_seconds)
    with heard_by(metrics), contextlib.closing(monitor):
        monitor.listen(address)

        def asked() -> bool:
            monitor.turned()
            return stopping()

        yield asked


class Monitor:
    """What one worker answers.

    Args:
        looks: at its store.
        metrics: of it.
        needs: what else it needs, by name.
        stall_seconds: as for `monitored`.
    """

    def __init__(
        self, looks: Looks, metrics: Metrics, needs: Mapping[str, Check], stall_seconds: float
    ) -> None:
        self._looks = looks
        self._metrics = metrics
        self._needs = needs
        self._stall_seconds = stall_seconds
        self._turned_at = monotonic()
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    def turned(self) -> None:
        """Note that the worker's loop turns."""
        self._turned_at = monotonic()

    def alive(self) -> dict[str, str]:
        """Return what is wrong with the worker itself, by name."""
        age = monotonic() - self._turned_at
        if age <= self._stall_seconds:
            return {}
        return {"loop": f"It has not turned for {age:.0f} seconds."}

    def ready(self) -> dict[str, str]:
        """Return what is wrong with what the worker needs, by name."""
        problem = self._looks.take().problem
        found = {"store": problem} if problem is not None else {}
        for name, check in self._needs.items():
            try:
                check()
            except IdentityEngineError as error:
                found[name] = str(error)
        return found

    def metrics(self) -> bytes:
        """Return the metrics as text."""
        problems = self.ready()
        reached = {name: name not in problems for name in ("store", *self._needs)}
        age = monotonic() - self._turned_at
        return self._metrics.exposed(self._looks.take(), reached, age)

    def listen(self, address: str) -> None:
        """Answer from now on.

        Raises:
            ConfigurationError: nobody can listen there.
        """
        host, _, port = address.rpartition(":")
        host = host.strip("[]") or LOOPBACK
        kind = _Server6 if ":" in host else _Server
        try:
            self._server = kind((host, int(port)), _handler_of(self))
        except OSError as error:
            raise ConfigurationError(
                f"Nobody can listen at {address}: {error.strerror}. Give another --monitor."
            ) from None
        self._thread = Thread(target=self._server.serve_forever, name="monitor", daemon=True)
        self._thread.start()
        bound = self._server.server_address
        shown = f"[{bound[0]!s}]" if ":" in host else str(bound[0])
        book.info("monitor_listening", address=f"{shown}:{bound[1]}")

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._looks.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler_of(monitor: Monitor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/livez":
                    self._tell(monitor.alive())
                case "/readyz":
                    self._tell(monitor.ready())
                case "/metrics":
                    self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, monitor.metrics())
                case _:
                    found = {"path": "There are /livez, /readyz and /metrics."}
                    self._tell(found, HTTPStatus.NOT_FOUND)

        def _tell(
            self, problems: Mapping[str, str], worst: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
        ) -> None:
            said = orjson.dumps({"ok": not problems, "problems": problems})
            self._send(worst if problems else HTTPStatus.OK, "application/json", said)

        def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "identity-engine"

        def log_message(self, *_: object) -> None:
            """Say nothing of probes."""

    return Handler
