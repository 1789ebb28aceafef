"""What a writer says is with the brokers is there: what the client gives up meanwhile is an error."""

from contextlib import closing
from threading import Event, current_thread

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition, errors
from kafka.partitioner.default import murmur2
from kafka.producer.future import FutureRecordMetadata
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.transaction_manager import AddPartitionsToTxnHandler

from identity_engine.errors import ConfigurationError, Fenced, RemoteError
from identity_engine.publication import kafka
from identity_engine.publication.cloud_events import Record
from identity_engine.publication.kafka import TopicWriter
from tests.integration.kafka.publishing import heard, publication
from tests.support.patience import PATIENCE, eventually

pytestmark = pytest.mark.usefixtures("real_kafka")

FIRST, SECOND = Record("first", b"1", ()), Record("second", b"2", ())


@pytest.fixture
def where(topics):
    """One topic of one partition."""
    return publication(topics, partitions=1, profiles=False)


def writer_that_does(do, where, monkeypatch):
    """A writer that does something once its first record is with the brokers, before it sends more."""
    writer, sent = TopicWriter(where), []
    send = writer._producer.send

    def send_and_do(*what, **how):
        sent.append(send(*what, **how))
        if len(sent) == 1:
            sent[0].get(PATIENCE)
            do()
        return sent[-1]

    monkeypatch.setattr(writer._producer, "send", send_and_do)
    return writer


def refusal_of(writer, where):
    """The error with which a writer does not take a record."""
    with pytest.raises(RemoteError) as refused:
        writer.publish(where.topic, [FIRST])
    return refused.value


def decided_end(where):
    """Where the topic ends for readers of committed records: before all that is not decided."""
    one = TopicPartition(where.topic, 0)
    committed = KafkaConsumer(bootstrap_servers=where.servers[0], isolation_level="read_committed")
    with closing(committed) as consumer:
        return consumer.end_offsets([one])[one]


def test_records_that_come_while_the_client_looks_for_more_are_there_at_the_end(where, monkeypatch):
    """Its thread looks for records that are not there yet, and takes up a commit a moment later."""
    looks, looked, goes_on = Event(), Event(), Event()

    def wait_until_it_looked():
        looks.set()
        writer._producer._sender.wakeup()
        assert looked.wait(PATIENCE)

    def has_incomplete(accumulator):
        found = bool(accumulator._incomplete)
        is_asked = looks.is_set() and current_thread() is writer._producer._sender
        if is_asked and not found and not looked.is_set():
            looked.set()
            assert goes_on.wait(PATIENCE)
        return found

    writer = writer_that_does(wait_until_it_looked, where, monkeypatch)
    transactions = writer._producer._transaction_manager
    begin_commit, get = transactions.begin_commit, FutureRecordMetadata.get

    def begin_commit_and_let_it_go_on():
        begun = begin_commit()
        goes_on.set()
        return begun

    def get_and_let_it_go_on(future, timeout):
        if looked.is_set():
            goes_on.set()
        return get(future, timeout)

    monkeypatch.setattr(RecordAccumulator, "has_incomplete", property(has_incomplete))
    monkeypatch.setattr(transactions, "begin_commit", begin_commit_and_let_it_go_on)
    monkeypatch.setattr(FutureRecordMetadata, "get", get_and_let_it_go_on)

    writer.publish(where.topic, [FIRST, SECOND])

    writer.close()
    assert [one.key for one in heard(where)] == ["first", "second"]


def test_a_batch_that_hung_until_the_brokers_gave_it_up_is_not_said_to_be_there(where, monkeypatch):
    monkeypatch.setattr(kafka, "TRANSACTION_SECONDS", 0.5)

    def hang():
        eventually(lambda: decided_end(where) > 0)

    with closing(writer_that_does(hang, where, monkeypatch)) as writer, pytest.raises(Fenced):
        writer.publish(where.topic, [FIRST, SECOND])


def test_what_was_not_delivered_in_time_is_not_said_to_be_there(where):
    with closing(TopicWriter(where)) as writer:
        writer._producer._accumulator.config["delivery_timeout_ms"] = 0
        assert "timed_out" in str(refusal_of(writer, where))


def test_brokers_that_have_forgotten_a_relay_are_told_again(where, monkeypatch):
    """As they do by default where a relay has told nothing for a week."""
    answered = AddPartitionsToTxnHandler.handle_response

    def forgotten(self, response):
        for topic in response.results_by_topic_v3_and_below:
            for one in topic.results_by_partition:
                one.partition_error_code = errors.InvalidProducerIdMappingError.errno
        answered(self, response)

    monkeypatch.setattr(AddPartitionsToTxnHandler, "handle_response", forgotten)
    with closing(TopicWriter(where)) as writer:
        assert refusal_of(writer, where).may_pass


def test_a_topic_is_waited_for_that_a_broker_does_not_know_yet(where, monkeypatch):
    """Else its position would stand under a name without its id, and all be told again later."""
    describe = KafkaAdminClient.describe_topics

    def not_known_yet(self, topics=None):
        unknown = errors.UnknownTopicOrPartitionError.errno
        return [one | {"error_code": unknown} for one in describe(self, topics)]

    monkeypatch.setattr(KafkaAdminClient, "describe_topics", not_known_yet)
    with pytest.raises(RemoteError) as failed:
        TopicWriter(where).close()
    assert failed.value.may_pass


def test_of_many_records_the_one_is_named_that_is_too_large(topics):
    """Those that wait are given up with it, and with the same error."""
    where = publication(topics, profiles=False)
    large = Record("large", b"1" * 2_000_000, ())
    elsewhere = next(key for key in map(str, range(100)) if on(key) != on(large.key))
    others = [Record(elsewhere, b"1" * 500, ())] * 300
    named = pytest.raises(ConfigurationError, match="the record of large, which has 2000000 bytes")
    with closing(TopicWriter(where)) as writer, named:
        writer.publish(where.topic, [*others, large])


def on(key):
    """On which of three partitions a key is."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % 3


def test_a_topic_that_is_made_anew_before_a_writer_first_writes_is_another_one(topics, where):
    """Else the position in the old one would go on, and the rest be told later, behind the newest."""
    with closing(TopicWriter(where)) as writer:
        topics.make_anew(where.topic, partitions=1)
        assert refusal_of(writer, where).may_pass
