"""What tests of publishing share: topics for one store, and what should stand on them."""

from identity_engine.publication.translation import translate
from identity_engine.settings.publication import Publication
from projections.identity.query import find_identity
from tests.support.kafka.subscriber import last_of_each, read_all


def publication(topics, *, partitions=3, profiles=True, **changed):
    """Two topics of a test; that of events is made with some partitions, the other by the relay."""
    topic = topics.make(partitions)
    named = f"{topic}-profiles" if profiles else None
    return Publication(topic, (topics.broker.bootstrap,), named, **changed)


def publish(engine, where, **changed):
    """Publish up to the head of the log."""
    return engine.desk.publishing.run(where, once=True, **changed)


def heard(where, **how):
    """Every record on the topic of events."""
    return read_all(where.servers[0], where.topic, **how)


def profiles(where):
    """What compaction leaves on the topic of profiles."""
    return last_of_each(read_all(where.servers[0], where.profile_topic))


def to_be_told(engine):
    """(id, key, type) of everything that the log has to tell, by what it is about, in order."""
    told = {}
    for event in engine.store.read(0, 10**9):
        for number, one in enumerate(translate(event)):
            id_ = event.header.event_id + (f".{number}" if number else "")
            told.setdefault(one.subject, []).append((id_, one.subject, one.TYPE))
    return told


def by_key(records):
    """(id, key, type) of records by their key, in the order of the topic."""
    told = {}
    for one in records:
        told.setdefault(one.key, []).append((one.id, one.key, one.type))
    return told


def contacts(engine):
    """The ids of all contacts."""
    engine.follow()
    views = engine.follower.views.connection
    return {one for (one,) in views.execute("SELECT contact_id FROM identity_contact")}


def check_profiles(engine, told):
    """The last record of each contact is its profile, or leads to who stands for it."""
    assert set(told) == contacts(engine)
    views = engine.follower.views.connection
    for contact_id, record in told.items():
        identity = find_identity(views, contact_id)
        if contact_id != identity.canonical_id:
            assert record["replaced_by"] == identity.canonical_id
            assert "fields" not in record
            continue
        profile = engine.profile(contact_id)
        held = [one for one in profile.identifiers if one.valid_to is None]
        assert record["members"] == list(profile.members)
        assert record["fields"] == {name: list(some) for name, some in profile.values.items()}
        assert record["interactions"] == len(profile.interactions)
        assert (record["stage"], record["division"]) == (profile.stage, profile.division)
        assert (record["presence"], record.get("since")) == (profile.presence, profile.since)
        assert [
            (one["value"], one["shared"], one["verified"]) for one in record["identifiers"]
        ] == [(one.value, one.shared, one.verified) for one in held]
