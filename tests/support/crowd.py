"""Several workers of one store: engines of their own, in threads that begin at the same moment."""

import threading
from contextlib import ExitStack

from identity_engine import Engine
from identity_engine.event_store.postgres.database import Server
from tests.support.postgres import shared_server
from tests.support.world import Clock, world


class Crowd:
    """Engines on one store.

    Args:
        address: of a database, None for a folder of SQLite files.
        folder: of the store, or of its master key.
        count: how many engines.
    """

    def __init__(self, address, folder, count):
        self._stack, clock = ExitStack(), Clock()
        self.engines = [
            self._stack.enter_context(
                Engine(Server(address, folder / "master.key"), world(seed, clock))
                if address is not None
                else Engine.open(folder / "store", world(seed, clock))
            )
            for seed in range(1, count + 1)
        ]

    def at_once(self, *calls):
        """Make one call with each engine, all at the same moment; return what each gives or raises."""
        together, answers = threading.Barrier(len(calls)), [None] * len(calls)

        def make(number, call, engine):
            together.wait()
            try:
                answers[number] = call(engine)
            except Exception as error:
                answers[number] = error

        threads = [
            threading.Thread(target=make, args=(number, call, engine))
            for number, (call, engine) in enumerate(zip(calls, self.engines, strict=False))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def close(self):
        """Close all engines."""
        self._stack.close()


def crowd_on(kind, folder, count):
    """Yield a crowd on a database of this kind, and look afterwards whether all is sound."""
    address = shared_server().database() if kind == "postgres" else None
    crowd = Crowd(address, folder, count)
    try:
        yield crowd
        one = crowd.engines[0]
        one.reevaluate()
        one.follow()
        assert all(verdict.is_sound for verdict in [*one.verify(), one.verify_index()])
    finally:
        crowd.close()
        if address is not None:
            shared_server().drop(address)
