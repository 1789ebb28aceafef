"""Messages of a topic become decisions, once each, whichever way the publisher writes them."""

import orjson

from identity_engine import Engine
from tests.support.interactions import SOURCE, customer, event, phone
from tests.support.kafka.topics import Sent, binary, received, structured
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
