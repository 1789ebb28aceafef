"""Messages of a topic become decisions, once each, whichever way the publisher writes them."""

import orjson
import pytest

from identity_engine import Engine
from identity_engine.errors import NothingDealt
from identity_engine.ingestion.kafka.reader import TopicReader
from tests.support.interactions import SOURCE, customer, event, phone
from tests.support.kafka.topics import Sent, binary, received, structured
from tests.support.kafka.workers import Worker
from tests.support.world import world


def consume(folder, topics, topic, **changed):
    with Engine.open(folder / "store", world()) as engine:
        done = engine.consume(topics.subscription(topic, **changed), until_caught_up=True)
        return done, received(engine.store), engine.dead_letters.list()


def keys(*ids):
    return {(SOURCE, one) for one in ids}


def test_structured_and_binary_messages_and_plain_events_are_taken(tmp_path, topics):
    topic = topics.make()
    topics.send(
        topic,
        [
            structured(event("1", phone(), customer("C-1"))),
            binary(event("2", customer("C-1"))),
            Sent(orjson.dumps(event("3", phone()))),
        ],
    )

    done, stored, letters = consume(tmp_path, topics, topic)

    assert (done.summary.read, done.summary.accepted) == (3, 3)
    assert set(stored) == keys("1", "2", "3")
    assert len(stored) == 3
    assert not letters


def test_a_second_run_goes_on_where_the_first_one_ended(tmp_path, topics):
    topic = topics.make()
    topics.send_events(topic, [event("1"), event("2")])
    first, _, _ = consume(tmp_path, topics, topic)
    topics.send_events(topic, [event("3")])

    second, stored, _ = consume(tmp_path, topics, topic)

    assert (first.summary.read, second.summary.read) == (2, 1)
    assert sorted(stored) == sorted(keys("1", "2", "3"))
    assert sum(one.lag for one in second.partitions) == 0


def test_a_topic_that_is_new_to_a_group_at_work_is_read_to_its_end(tmp_path, topics, real_kafka):
    """Its leader knows nothing of the topic at first, and deals out none of it."""
    old, new = topics.make(2), topics.make(2)
    topics.send_events(new, [event("1"), event("2")])
    group = {"group": f"group-of-{old}"}
    with Worker(tmp_path / "other", topics.subscription(old, **group)) as other:
        other.wait_for("dealt")

        done, stored, _ = consume(tmp_path, topics, new, **group)

    assert done.summary.read == 2
    assert sorted(stored) == sorted(keys("1", "2"))


def test_a_worker_that_is_dealt_nothing_does_not_say_that_all_is_read(
    tmp_path, topics, real_kafka, monkeypatch
):
    begin = TopicReader.begin

    def begin_with_nothing(reader, known):
        reader._dealing.dealt = frozenset()  # as where other members have all partitions
        begin(reader, known)

    monkeypatch.setattr(TopicReader, "begin", begin_with_nothing)
    topic = topics.make(1)
    topics.send_events(topic, [event("1")])

    with pytest.raises(NothingDealt, match=f"group-of-{topic}"):
        consume(tmp_path, topics, topic)
