"""What a batch is, what the lag says, and what becomes of a topic that is not what it was."""

import time

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from identity_engine import Engine
from identity_engine.errors import ConfigurationError, Fenced
from identity_engine.ingestion.kafka.reader import MOST_MESSAGES, TopicReader
from tests.support.interactions import SOURCE, event
from tests.support.kafka.topics import Sent, received, structured
from tests.support.patience import eventually
from tests.support.world import world

BYTES = 1_000
PATIENCE = 30.0
SLOW = 0.3
"""Seconds, longer than one wait for partitions."""


def sized(count):
    return [Sent(b"x" * BYTES, partition=0) for _ in range(count)]


@pytest.fixture
def reading(topics):
    """Opens readers that have their partitions and begin at the beginning."""
    readers = []

    def read(topic, **changed):
        reader = TopicReader(topics.subscription(topic, **changed), lambda: False)
        readers.append(reader)
        deadline = time.monotonic() + PATIENCE
        while not reader.has_partitions:
            assert time.monotonic() < deadline
            reader.wait()
        reader.begin({})
        return reader

    yield read
    for reader in readers:
        reader.close()


def test_a_batch_ends_with_its_bytes(topics, reading):
    topic = topics.make()
    topics.send(topic, sized(10))
    reader = reading(topic, batch_bytes=3 * BYTES, batch_seconds=PATIENCE)

    sizes = [len(reader.next_batch(PATIENCE).messages) for _ in range(3)]

    assert sizes == [3, 3, 3]


def test_who_loses_the_partitions_has_not_caught_up(topics, reading):
    topic = topics.make(2)
    topics.send(topic, sized(3))
    reader = reading(topic, batch_seconds=0.1)
    assert len(reader.next_batch(PATIENCE).messages) == 3
    assert reader.is_caught_up

    other = TopicReader(topics.subscription(topic), lambda: False)
    deadline = time.monotonic() + PATIENCE
    while not reader.is_over:
        assert time.monotonic() < deadline
        other.wait()
        reader.wait()
    other.close()

    assert not reader.is_caught_up


def test_a_batch_ends_with_the_time_since_its_first_message(topics, reading):
    topic = topics.make()
    topics.send(topic, sized(1))
    reader = reading(topic, batch_seconds=0.5)

    batch = reader.next_batch(PATIENCE)
    started = time.monotonic()
    nothing = reader.next_batch(0.1)

    assert len(batch.messages) == 1
    assert nothing is None
    assert time.monotonic() - started < PATIENCE


def test_a_batch_has_no_more_messages_than_a_batch_of_a_file(topics, reading):
    topic = topics.make()
    topics.send(topic, [Sent(b"x", partition=0)] * (MOST_MESSAGES + 1))
    reader = reading(topic, batch_seconds=PATIENCE)

    assert len(reader.next_batch(PATIENCE).messages) == MOST_MESSAGES


def test_the_lag_is_what_the_store_has_not_got(topics, reading):
    topic = topics.make()
    topics.send(topic, sized(5))
    reader = reading(topic, batch_bytes=2 * BYTES)
    told = lambda: [(one.position, one.lag) for one in reader.lags() if one.partition == 0]  # noqa: E731
    assert told() == [(0, 5)]

    batch = reader.next_batch(PATIENCE)
    assert told() == [(0, 5)], "it is read and not stored"

    reader.note_stored(batch)
    assert told() == [(2, 3)]


def test_a_message_larger_than_a_batch_is_a_batch_of_its_own(topics, reading):
    topic = topics.make()
    topics.send(topic, [Sent(b"x" * 50_000, partition=0), Sent(b"y", partition=0)])
    reader = reading(topic, batch_bytes=100)

    assert [len(one.value) for one in reader.next_batch(PATIENCE).messages] == [50_000]


def test_a_position_that_another_worker_moved_refuses_the_batch(tmp_path, topics, reading):
    topic = topics.make()
    topics.send(topic, sized(2))
    batch = reading(topic, batch_bytes=1).next_batch(PATIENCE)

    with Engine.open(tmp_path, world()) as engine:
        engine.store.append([], sources=batch.sources)
        with pytest.raises(Fenced):
            engine.store.append([], sources=batch.sources)
        (stored,) = (one for one in engine.store.source_positions().items() if "kafka" in one[0])
        assert stored == (batch.sources[0].source, 1)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_messages_are_read(tmp_path, topics, codec):
    topic = topics.make()
    topics.send_events(topic, [event(str(one)) for one in range(20)], compression_type=codec)

    with Engine.open(tmp_path, world()) as engine:
        done = engine.consume(topics.subscription(topic), until_caught_up=True)
    assert done.summary.accepted == 20


def test_what_a_publisher_took_back_is_not_read(tmp_path, topics, real_kafka):
    topic = topics.make()
    producer = KafkaProducer(bootstrap_servers=real_kafka.bootstrap, transactional_id=topic)
    producer.init_transactions()
    for number, end in ((1, producer.abort_transaction), (2, producer.commit_transaction)):
        producer.begin_transaction()
        producer.send(topic, structured(event(str(number))).value).get(PATIENCE)
        end()
    producer.close()

    with Engine.open(tmp_path, world()) as engine:
        done = engine.consume(topics.subscription(topic), until_caught_up=True)
        assert received(engine.store) == [(SOURCE, "2")]
    assert [one.lag for one in done.partitions] == [0], (
        "the markers of transactions are no messages"
    )


def test_a_topic_made_anew_under_its_name_is_read_from_its_beginning(tmp_path, topics, real_kafka):
    topic = topics.make()
    admin = KafkaAdminClient(bootstrap_servers=real_kafka.bootstrap)
    with Engine.open(tmp_path, world()) as engine:
        topics.send_events(topic, [event("1"), event("2")])
        engine.consume(topics.subscription(topic), until_caught_up=True)

        admin.delete_topics([topic])
        deadline = time.monotonic() + PATIENCE
        while topic in admin.list_topics():
            assert time.monotonic() < deadline
        admin.create_topics(
            {topic: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True
        )
        topics.send_events(topic, [event("3"), event("4"), event("5")])
        engine.consume(topics.subscription(topic), until_caught_up=True)

        assert len(received(engine.store)) == 5
    admin.close()


def test_messages_that_were_gone_before_they_were_read_are_counted(tmp_path, topics, real_kafka):
    topic = topics.make()
    admin = KafkaAdminClient(bootstrap_servers=real_kafka.bootstrap)
    with Engine.open(tmp_path, world()) as engine:
        topics.send_events(topic, [event("1")])
        engine.consume(topics.subscription(topic), until_caught_up=True)
        topics.send_events(topic, [event("2"), event("3"), event("4")])
        admin.delete_records({TopicPartition(topic, 0): 3})

        done = engine.consume(topics.subscription(topic), until_caught_up=True)

        assert done.missed == 2
        assert sorted(received(engine.store)) == [(SOURCE, "1"), (SOURCE, "4")]
    admin.close()


def test_messages_that_go_while_a_worker_reads_are_counted_too(tmp_path, topics, real_kafka):
    topic, many = topics.make(), 40
    topics.send(topic, [Sent(b"x" * 100_000)] * many)
    admin = KafkaAdminClient(bootstrap_servers=real_kafka.bootstrap)

    def delete_all_but_one(done):
        if done.summary.read == 1:
            admin.delete_records({TopicPartition(topic, 0): many - 1})

    with Engine.open(tmp_path, world()) as engine:
        subscription = topics.subscription(topic, batch_bytes=1)
        done = engine.consume(subscription, until_caught_up=True, progress=delete_all_but_one)

        assert done.missed > 0
        assert done.missed + done.summary.read == many
    admin.close()


def test_a_topic_that_is_not_there_is_said(tmp_path, topics, real_kafka):
    with (
        Engine.open(tmp_path, world()) as engine,
        pytest.raises(ConfigurationError, match="no topic"),
    ):
        engine.consume(topics.subscription("there-is-no-such-topic"), until_caught_up=True)


def test_partitions_that_are_added_are_dealt_however_slowly_the_group_answers(
    topics, reading, real_kafka
):
    topic = topics.make(1)
    reader = reading(topic)
    coordinator = reader._consumer._coordinator
    join = coordinator._do_join_and_sync_async

    async def slowly():
        answer = await join()
        await coordinator._manager._net.sleep(SLOW)
        return answer

    coordinator._do_join_and_sync_async = slowly
    admin = KafkaAdminClient(bootstrap_servers=topics.broker.bootstrap)
    admin.create_partitions({topic: 2})
    admin.close()
    reader._consumer._cluster.request_update()  # the client would do so in some minutes

    def are_dealt():
        reader.wait()
        return len(reader._dealing.dealt or ()) == 2

    assert eventually(are_dealt, PATIENCE)


def test_a_lone_worker_is_dealt_its_partitions_once(topics, reading):
    topic = topics.make(2)
    reader = reading(topic)
    for _ in range(20):
        reader.wait()

    assert reader.dealt == 1
