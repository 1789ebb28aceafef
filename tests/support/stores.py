"""The same tests over another database: what would be a folder or memory is a database of its own."""

import tempfile
from pathlib import Path

from identity_engine.application import engine
from identity_engine.event_store.postgres.database import Server
from tests.support.postgres import shared_server


class OnPostgres:
    """Puts the stores of engines on one server. A folder that is opened again leads to its database;
    what was in memory is dropped when its engine is closed."""

    def __init__(self) -> None:
        self._addresses: dict[Path, str] = {}
        self._keys = Path(tempfile.mkdtemp(prefix="identity-engine-keys-"))

    def install(self) -> None:
        """Take the place of what opens folders and memory."""
        engine.place_of = self._place_of
        engine.in_memory = self._in_memory

    def _place_of(self, store):
        folder = Path(store)
        if folder not in self._addresses:
            self._addresses[folder] = shared_server().database()
        folder.mkdir(parents=True, exist_ok=True)
        return Server(self._addresses[folder], folder / "master.key")

    def _in_memory(self):
        address = shared_server().database()
        return _Dropped(address, self._keys / address.rpartition("/")[2])


class _Dropped(Server):
    """A place whose database goes with its log."""

    def __init__(self, address, master_key):
        super().__init__(address, master_key)
        self._address = address

    def log(self, name):
        opened = super().log(name)
        close = opened.close

        def close_and_drop():
            close()
            shared_server().drop(self._address)

        opened.close = close_and_drop
        return opened
