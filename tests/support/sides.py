"""An engine beside a reference model: what each contact and merge of the model is called in it."""

from datetime import datetime
from pathlib import Path

from identity_engine import Engine
from tests.support.interactions import customer, email, event
from tests.support.resolving import change_channel
from tests.support.world import LATER, Clock, world

SETTINGS = b'{"format": 1, "name": "centre", "fields": {"nickname": {}}}'
"""A field that is compared with nothing, and may be saved also where no interaction says it."""


class Side:
    """One engine, and what it calls the contacts and merges that the model knows by name."""

    def __init__(self, seed: int, folder: Path | None = None, start: datetime = LATER) -> None:
        self.clock = Clock(start)
        self._seed, self._folder = seed, folder
        self.ids: dict[str, str] = {}
        self.merges: dict[str, str] = {}
        self.engine = self._open()
        change_channel(self.engine, "import", resolve=False)
        self.engine.desk.administration.activate("settings", SETTINGS)

    def _open(self):
        self._seed += 1
        if self._folder is None:
            return Engine.in_memory(world(self._seed, self.clock))
        return Engine.open(self._folder, world(self._seed, self.clock))

    def restart(self):
        """Close the store and open it again."""
        self.engine.close()
        self.engine = self._open()

    def link_of(self, key):
        """The member contact that an interaction is linked to."""
        views = self.engine.follower.views.connection
        (row,) = views.execute(
            "SELECT contact_id FROM profile_contribution WHERE id = ?", (key,)
        ).fetchall()
        return row[0]

    def interaction(self, key):
        """The engine's id of an interaction."""
        views = self.engine.follower.views.connection
        (row,) = views.execute(
            "SELECT interaction_id FROM profile_contribution WHERE id = ?", (key,)
        ).fetchall()
        return row[0]

    def holders_of(self, value):
        """The contacts that hold a value now, and whether it is shared."""
        views = self.engine.follower.views.connection
        rows = views.execute(
            "SELECT contact_id, shared FROM profile_claim WHERE raw = ? AND valid_to IS NULL",
            (value,),
        ).fetchall()
        return {contact_id for contact_id, _ in rows}, any(shared for _, shared in rows)

    def law_state(self):
        """What is so now, free of ids; lineage is left out, and the evidence of past decisions."""
        engine = self.engine
        while engine.reevaluation.waiting():
            engine.reevaluate()
        engine.follow()
        hashes = engine.follower.views.canonical_hashes()
        # Which edges join the members of an identity depends on the order of merges; who is one, and
        # which id and stage stand for them, does not. What a link weighed was seen on its day.
        del hashes["identity"], hashes["profile"]
        return hashes, {name: self._shown(name) for name in self.ids}

    def corrections(self, values):
        """Who is skipped by each value, and who is the right one instead."""
        store, names = self.engine.store, {id_: name for name, id_ in self.ids.items()}
        with store.reading() as cursor:
            reader = store.index.begin(cursor)
            index = reader.index
            digests = {_digest(store, value): value for value in values}
            reader.load_identifiers(list(digests))
            reader.load_nearby((), index.holders())
            return {
                value: [
                    [
                        {names[member] for member in index.members(index.canonical(one))}
                        for one in (correction.contact_id, correction.right)
                        if one is not None
                    ]
                    for correction in index.corrections(index.identifiers[digest].state)
                ]
                for digest, value in digests.items()
            }

    def _shown(self, name):
        names = {id_: name for name, id_ in self.ids.items()}
        profile = self.engine.profile(self.ids[name])
        return (
            names[profile.contact_id],
            profile.stage,
            {names[member] for member in profile.members},
            profile.fields.keys(),
            [value.value for values in profile.fields.values() for value in values],
            [(one.value, one.verified, one.valid_from) for one in profile.identifiers],
            [(one.id, one.decision) for one in profile.interactions],
        )


def _digest(store, value):
    type_ = "customer_id" if value.startswith("C-") else "email"
    return store.digests.identifier_key("default", type_, None, value)


def as_event(arrival):
    """An interaction as its publisher sends it."""
    is_number = arrival.value.startswith("C-")
    said = customer(arrival.value) if is_number else email(arrival.value)
    channel = "email" if arrival.resolves else "import"
    if not arrival.resolves:
        said = said | {"verified": True}
    profile = {"nickname": arrival.nickname}
    return event(arrival.key, said, channel=channel, time=arrival.time, profile=profile)


def arrived(side, batch):
    """Ingest a batch; a contact is known by the interaction that made it."""
    before = set(side.ids.values())
    outcomes = side.engine.ingest([as_event(arrival) for arrival in batch])
    assert {outcome.status for outcome in outcomes} <= {"accepted", "duplicate"}
    side.engine.follow()
    for arrival, outcome in zip(batch, outcomes, strict=True):
        member = side.link_of(arrival.key)
        if outcome.status == "accepted" and member not in before:
            before.add(member)
            side.ids[arrival.key] = member
