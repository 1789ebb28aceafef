"""Our recorder on PostgreSQL keeps every promise that the library's own cases ask of a recorder."""

from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from identity_engine.event_store.postgres.database import Server
from tests.contract.test_recorder_sqlite import wait_for_other_threads
from tests.support.postgres import shared_server


class RecorderOverADatabase:
    """Makes a recorder over a new database for each test."""

    def create_recorder(self):
        server = shared_server()
        address = server.database()
        self.addCleanup(server.drop, address)
        recorder = Server(address, None).log("events")
        self.addCleanup(recorder.close)
        self.addCleanup(wait_for_other_threads)
        # The cases speak of UUIDs; the engine itself speaks of their text.
        recorder.datastore.originator_id_type = "uuid"
        return recorder


class TestRecorder(RecorderOverADatabase, ApplicationRecorderTestCase):
    pass


class TestNotificationIdsDoNotInterleave(
    RecorderOverADatabase, NonInterleavingNotificationIDsBaseCase
):
    pass


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
