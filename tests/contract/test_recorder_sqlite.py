"""Our recorder keeps every promise that the library's own cases ask of a recorder."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from identity_engine.event_store.sqlite.recorder import Datastore, Recorder


def wait_for_other_threads():
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(timeout=10)


class RecorderOverAFile:
    """Makes a recorder over a new file for each test."""

    def create_recorder(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        datastore = Datastore(Path(folder.name) / "events.db")
        self.addCleanup(datastore.close)
        # The cases leave their readers running; a connection closed under one ends the interpreter.
        self.addCleanup(wait_for_other_threads)
        # The cases speak of UUIDs; the engine itself speaks of their text.
        datastore.originator_id_type = "uuid"
        recorder = Recorder(datastore)
        recorder.create_table()
        return recorder


class TestRecorder(RecorderOverAFile, ApplicationRecorderTestCase):
    pass


class TestNotificationIdsDoNotInterleave(RecorderOverAFile, NonInterleavingNotificationIDsBaseCase):
    pass


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
