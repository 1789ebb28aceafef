"""Our recorder keeps every promise that the library's own cases ask of a recorder."""

from pathlib import Path
from tempfile import TemporaryDirectory

from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from identity_engine.event_store.sqlite import Datastore, Recorder


class RecorderOverAFile:
    """Makes a recorder over a new file for each test."""

    def create_recorder(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        datastore = Datastore(Path(folder.name) / "events.db")
        self.addCleanup(datastore.close)
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
