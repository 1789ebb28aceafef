"""Whatever people do, what a subscriber has read last of a contact is what the views say of it.

The relay follows now and then, a few events at a time, and begins again where it was; the subscriber
keeps the last record of each key, as a compacted topic does.
"""

import orjson
import pytest
from hypothesis.stateful import rule

from identity_engine.publication import lanes
from identity_engine.publication.lanes import EventLane, ProfileLane
from identity_engine.settings.publication import Publication
from projections.identity.query import find_identity
from tests.properties.test_operations_machine import Operations
from tests.support.histories import steps

FEW = 3
PUBLICATION = Publication("events", (), "profiles")


class Subscribed(Operations):
    """People and traffic at one store that is published."""

    def __init__(self):
        super().__init__()
        self.told: dict[str, object] = {}
        self.heard: list[tuple[str, str]] = []
        self.positions = {"events": 0, "profiles": 0}

    @rule()
    def the_relay_follows(self):
        engine = self.side.engine
        preferred = engine.policies.rules.policy.preferred_sources
        profiles = ProfileLane(engine.store, engine.follower, lambda: preferred, PUBLICATION)
        for portion in self.portions(EventLane(engine.store, PUBLICATION)):
            self.heard += [(dict(one.headers)["ce_id"], one.key) for one in portion.records]
        for portion in self.portions(profiles):
            for record in portion.records:
                assert record.value is not None, "nobody was erased"
                self.told[record.key] = orjson.loads(record.value)

    def portions(self, lane):
        """Let a lane go on from where it was."""
        for portion in lane.after(self.positions[lane.topic]):
            yield portion
            if portion.reached is not None:
                assert portion.reached >= self.positions[lane.topic]
                self.positions[lane.topic] = portion.reached

    def verify(self):
        super().verify()
        self.the_relay_follows()
        views = self.side.engine.follower.views.connection
        contacts = {one for (one,) in views.execute("SELECT contact_id FROM identity_contact")}
        assert set(self.told) == contacts
        for contact_id in contacts:
            self.check_told(contact_id, find_identity(views, contact_id))
        assert len(self.heard) == len(set(self.heard)), "nothing is told twice without a crash"

    def check_told(self, contact_id, identity):
        """The last record about a contact is its profile, or leads to who stands for it."""
        told = self.told[contact_id]
        if contact_id != identity.canonical_id:
            assert told["replaced_by"] == identity.canonical_id
            return
        profile = self.side.engine.profile(contact_id)
        assert "replaced_by" not in told
        assert (told["stage"], told["presence"]) == (profile.stage, profile.presence)
        assert told["members"] == list(profile.members)
        assert told["fields"] == {name: list(values) for name, values in profile.values.items()}
        assert told["interactions"] == len(profile.interactions)
        held = [one for one in profile.identifiers if one.valid_to is None]
        shown = ("identifier_id", "value", "verified", "shared", "primary", "label")
        assert [[one.get(name) for name in shown] for one in told["identifiers"]] == [
            [getattr(one, name) for name in shown] for one in held
        ]


@pytest.fixture(autouse=True)
def _few_at_a_time(monkeypatch):
    monkeypatch.setattr(lanes, "BATCH", FEW)
    monkeypatch.setattr(lanes, "CONTACTS", FEW)


class TestSubscribed(Subscribed.TestCase):
    """A few histories."""

    settings = steps(5, 25)


@pytest.mark.slow
class TestManySubscribed(Subscribed.TestCase):
    """More than 2,000 steps."""

    settings = steps(80, 30)
