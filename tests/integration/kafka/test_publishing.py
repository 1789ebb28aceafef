"""What stands on the topics: every event once and in order, and of each contact what the view says."""

import pytest
from kafka import KafkaAdminClient
from msgspec.structs import replace

from aggregates.access import Action
from identity_engine import Engine
from identity_engine.errors import ConfigurationError, Denied, Fenced, StoreBusy
from identity_engine.event_store.postgres.database import Server
from identity_engine.event_store.source_positions import SourcePosition
from identity_engine.publication import lanes
from identity_engine.publication import profiles as reading
from identity_engine.publication.kafka import TopicWriter
from identity_engine.publication.translation import translate
from identity_engine.settings.publication import Publication
from identity_engine.simulation import simulate
from projections.identity.query import find_identity
from tests.integration.kafka.publishing import (
    by_key,
    check_profiles,
    contacts,
    heard,
    profiles,
    publication,
    publish,
    to_be_told,
)
from tests.support.interactions import event
from tests.support.kafka.subscriber import read_all
from tests.support.merging import guest, known, vouched
from tests.support.postgres import shared_server
from tests.support.resolving import change_policy
from tests.support.world import world

TRAFFIC = [made for made, _ in simulate(60, 240, 5)]
WHY = "She told us."

pytestmark = pytest.mark.usefixtures("real_kafka")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    """An engine on either database."""
    if request.param == "sqlite":
        with Engine.open(tmp_path / "store", world()) as engine:
            yield engine
        return
    address = shared_server().database()
    with Engine(Server(address, tmp_path / "master.key"), world()) as engine:
        yield engine
    shared_server().drop(address)


def test_every_event_is_told_once_and_in_order_for_each_contact(store, topics, monkeypatch):
    monkeypatch.setattr(lanes, "BATCH", 100)
    where = publication(topics)
    for first in range(0, len(TRAFFIC), 80):
        store.ingest(TRAFFIC[first : first + 80])
        publish(store, where)
        store.reevaluate()
    done = publish(store, where)

    records = heard(where)

    assert by_key(records) == to_be_told(store)
    assert len({(one.key, one.partition) for one in records}) == len({one.key for one in records})
    assert len({one.partition for one in records}) == 3
    assert any(one.type == "identity.contact.merged.v1" for one in records)
    assert [one.lag for one in done.topics] == [0, 0]
    check_profiles(store, profiles(where))


def test_a_merge_names_the_one_that_stands_for_all_of_them_then(engine):
    engine.ingest(TRAFFIC)
    engine.reevaluate()
    log = engine.store.read(0, 10**9, topics=["contact.merged"])
    assert log
    for merge in log[:12]:
        with engine.follower.as_of(merge.position) as views:
            for told in translate(merge):
                standing = find_identity(views.connection, told.contact_id)
                assert standing.canonical_id == told.survivor


def test_a_second_run_tells_only_what_is_new(engine, topics):
    where = publication(topics)
    engine.ingest(TRAFFIC[:40])
    first = publish(engine, where)
    nothing = publish(engine, where)
    known(engine, "anna")
    more = publish(engine, where)

    assert [one.records for one in nothing.topics] == [0, 0]
    assert 0 < more.topics[0].records < first.topics[0].records
    assert more.topics[1].records == 1
    assert by_key(heard(where)) == to_be_told(engine)


def test_the_loser_of_a_merge_leads_to_the_survivor_until_it_is_undone(engine, topics):
    where = publication(topics)
    anna, other = known(engine, "anna"), guest(engine, "g", full_name="A. Annason")
    publish(engine, where)
    alone = profiles(where)

    engine.desk.merging.merge([anna, other], survivor=anna, reason=WHY)
    publish(engine, where)
    merged = profiles(where)
    check_profiles(engine, merged)

    (merge,) = engine.desk.reading.lineage(anna).merges
    engine.desk.unmerging.unmerge(merge.merge_id, reason=WHY)
    publish(engine, where)
    undone = profiles(where)
    check_profiles(engine, undone)

    assert merged[other]["replaced_by"] == anna
    assert merged[anna]["members"] == [anna, other]
    assert undone[other]["fields"] == alone[other]["fields"]
    assert undone[anna]["members"] == [anna]


def test_who_stands_for_a_merged_contact_may_change_without_a_merge(engine, topics):
    where = publication(topics)
    anna, bert = known(engine, "anna"), known(engine, "bert", day=2)
    engine.desk.merging.merge([anna, bert], reason=WHY)
    publish(engine, where)
    before = profiles(where)
    loser = next(one for one in (anna, bert) if "replaced_by" in before[one])
    engine.desk.contacts.promote(loser)
    publish(engine, where)

    after = profiles(where)

    check_profiles(engine, after)
    assert "replaced_by" not in after[loser]


def test_edits_labels_and_other_rules_reach_the_profile(engine, topics):
    where = publication(topics)
    anna = known(engine, "anna", city="Bonn")
    publish(engine, where)
    revision = engine.profile(anna).revision
    engine.desk.contacts.edit(anna, revision=revision, set={"city": "Köln"})
    publish(engine, where)
    edited = profiles(where)
    engine.ingest([event("crm-1", *[], source="//crm", time="2026-01-01T09:00:00Z")])
    change_policy(engine, preferred_sources=["//crm"])
    done = publish(engine, where)

    assert edited[anna]["fields"]["city"] == ["Köln", "Bonn"]
    assert done.topics[1].records == len(contacts(engine)), "all may be read by other rules"
    check_profiles(engine, profiles(where))


def test_only_erasure_sends_a_tombstone(engine, topics, monkeypatch):
    where = publication(topics)
    anna, bert, gone = known(engine, "anna"), known(engine, "bert"), vouched(engine, "cleo")
    engine.desk.merging.merge([anna, bert], reason=WHY)
    engine.desk.lifecycle.delete(gone, reason=WHY)
    publish(engine, where)
    before = profiles(where)
    find = reading.find_identity

    def erased(views, contact_id):
        identity = find(views, contact_id)
        is_gone = identity is not None and identity.canonical_id == gone
        return replace(identity, presence="erased") if is_gone else identity

    monkeypatch.setattr(reading, "find_identity", erased)
    publish(engine, where, again=True)

    assert None not in before.values()
    assert before[gone]["presence"] == "deleted"
    assert before[gone]["fields"] == {}
    assert {one for one, told in profiles(where).items() if told is None} == {gone}


def test_values_stand_in_events_only_where_their_fields_are_named(engine, topics):
    plain = publication(topics, profiles=False)
    shown = publication(topics, profiles=False, values=frozenset({"email"}))
    known(engine, "anna")
    for where in (plain, shown):
        publish(engine, where)

    def values(where):
        return {one.told.get("value") for one in heard(where) if "claimed" in one.type}

    assert values(plain) == {None}
    assert values(shown) == {"anna@shop.example"}


def test_a_topic_that_is_new_is_told_everything(engine, topics):
    where = publication(topics, profiles=False)
    engine.ingest(TRAFFIC[:40])
    publish(engine, where)
    later = Publication(where.topic, where.servers, f"{where.topic}-later")
    done = publish(engine, later)

    assert done.topics[0].records == 0
    check_profiles(engine, profiles(later))


def test_a_topic_that_was_made_anew_is_told_everything(engine, topics):
    where = publication(topics, profiles=False)
    engine.ingest(TRAFFIC[:20])
    publish(engine, where)
    admin = KafkaAdminClient(bootstrap_servers=where.servers[0])
    admin.delete_topics([where.topic])
    while where.topic in admin.list_topics():
        pass
    admin.close()

    publish(engine, where)

    assert by_key(heard(where)) == to_be_told(engine)


def test_all_profiles_can_be_told_again(engine, topics):
    where = publication(topics)
    engine.ingest(TRAFFIC[:40])
    publish(engine, where)
    done = publish(engine, where, again=True)

    assert [one.records for one in done.topics] == [0, len(contacts(engine))]
    every = read_all(where.servers[0], where.profile_topic)
    assert len({(one.id, repr(one.told)) for one in every}) == len(contacts(engine))


def test_the_topic_of_profiles_is_made_compacted(engine, topics):
    where = publication(topics)
    publish(engine, where)
    swapped = Publication(where.profile_topic, where.servers)
    with pytest.raises(ConfigurationError, match=r"cleanup\.policy=compact, and delete is needed"):
        publish(engine, swapped)
    wrong = Publication(f"{where.topic}-other", where.servers, where.topic)
    with pytest.raises(ConfigurationError, match=r"kafka-configs\.sh --alter"):
        publish(engine, wrong)


def test_a_record_that_the_topic_does_not_take_is_said_and_nothing_is_passed_over(engine, topics):
    where = publication(topics, profiles=False)
    admin = KafkaAdminClient(bootstrap_servers=where.servers[0])
    small = f"{where.topic}-small"
    config = {"cleanup.policy": "compact", "max.message.bytes": "2000"}
    admin.create_topics({small: {"num_partitions": 1, "replication_factor": 1, "configs": config}},
                        wait_for_metadata=True)  # fmt: skip
    admin.close()
    anna = known(engine, "anna", address="x" * 4_000)
    with_profiles = Publication(where.topic, where.servers, small)

    with pytest.raises(ConfigurationError, match=r"Raise its max\.message\.bytes") as refused:
        publish(engine, with_profiles)

    assert small in str(refused.value)
    assert anna in str(refused.value)
    assert "xxx" not in str(refused.value)
    assert not any("small" in one for one in engine.store.source_positions())


def test_one_relay_at_a_time_publishes(tmp_path, topics):
    where = publication(topics)
    with (
        Engine.open(tmp_path / "s", world(1)) as one,
        Engine.open(tmp_path / "s", world(2)) as other,
        one.store.place.alone("publish", "busy"),
        pytest.raises(StoreBusy, match="Another relay"),
    ):
        publish(other, where)


def test_a_writer_that_was_thought_dead_is_refused_by_the_brokers(engine, topics):
    where = publication(topics, profiles=False)
    known(engine, "anna")
    (portion,) = lanes.EventLane(engine.store, where).after(0)
    zombie, heir = TopicWriter(where), TopicWriter(where)
    try:
        with pytest.raises(Fenced):
            zombie.publish(where.topic, portion.records)
        heir.publish(where.topic, portion.records)
    finally:
        zombie.close()
        heir.close()
    assert len(heard(where, isolation="read_uncommitted")) == len(portion.records)


def test_a_position_that_another_relay_moved_is_not_moved_again(engine, topics):
    where = publication(topics, profiles=False)
    known(engine, "anna")
    moved = []

    def move_first(records):
        if not moved:
            writer = TopicWriter(where)
            source = f"published:{where.topic}:{writer.topic_ids[where.topic]}"
            writer.close()
            head = engine.store.head()
            moved.append(engine.store.append([], sources=[SourcePosition(source, head, 0)]))

    writing = TopicWriter.publish

    def publish_late(self, topic, records):
        writing(self, topic, records)
        move_first(records)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TopicWriter, "publish", publish_late)
        done = publish(engine, where)

    assert done.fenced == 1
    assert done.topics[0].position == engine.store.head()


def test_publishing_takes_the_right_to_read_the_feed_everywhere(engine, topics):
    where = publication(topics)
    engine.desk.administration.grant(
        "subscriber", "consumer", divisions=["north"], new_division=True
    )
    with pytest.raises(Denied, match="feed:read in all divisions"):
        engine.acting_as("subscriber").publishing.run(where, once=True)
    engine.desk.administration.define_role("reader", [Action.FEED_READ])
    engine.desk.administration.grant("reader", "reader")
    with pytest.raises(Denied, match="contact:view"):
        engine.acting_as("reader").publishing.run(where, once=True)
    engine.acting_as("reader").publishing.run(Publication(where.topic, where.servers), once=True)
