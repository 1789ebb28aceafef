"""A message that cannot be used stops nothing: it is kept with its reasons, and can be driven again."""

import orjson
import pytest
from kafka.errors import KafkaTimeoutError

from identity_engine import Engine
from identity_engine.errors import ConfigurationError
from identity_engine.ingestion.kafka.dead_letter_topic import DeadLetterTopic
from tests.corpus.bad_input.kinds import KINDS
from tests.support.interactions import SOURCE, event
from tests.support.kafka.topics import Sent, binary, received, structured
from tests.support.world import LATER, Clock, world

MOST_BYTES = 1_000_000
"""Of a message that a broker takes as it is shipped; the kinds that are larger never get there."""
POISON = [
    kind for kind in KINDS if len(kind.line) < MOST_BYTES and "time_in_future" not in kind.codes
]
YEARS_LATER = LATER.replace(year=2040)
TOO_EARLY = "2035-01-01T00:00:00Z"
"""A time that is refused by the clock of the tests and accepted by a later one."""


def consume(folder, topics, topic, clock=None, **changed):
    with Engine.open(folder / "store", world(clock=clock)) as engine:
        done = engine.consume(topics.subscription(topic, **changed), until_caught_up=True)
        return done.summary, received(engine.store), engine.dead_letters.list(limit=500)


def test_poison_between_good_messages_stops_none_of_them(tmp_path, topics):
    topic = topics.make()
    messages = []
    for number, kind in enumerate(POISON):
        poison = Sent(kind.line, headers=(("ce_id", b"x"),)) if number % 2 else Sent(kind.line)
        messages += [poison, structured(event(str(number)))]
    topics.send(topic, messages)

    summary, stored, letters = consume(tmp_path, topics, topic)

    assert sorted(stored) == sorted((SOURCE, str(number)) for number in range(len(POISON)))
    assert summary.rejected == len(letters) == len(POISON)
    assert all(letter.faults for letter in letters)


def test_a_header_that_the_client_cannot_read_stops_nothing(tmp_path, topics):
    class NoUtf8(str):
        def encode(self, *_):
            return b"\xff\xfe"

    topic = topics.make()
    topics.send(topic, [structured(event("1"))])
    topics.send(topic, [Sent(b"{}", headers=((NoUtf8("name"), b""),), partition=0)])
    topics.send(topic, [structured(event("2"))])

    summary, stored, (letter,) = consume(tmp_path, topics, topic)

    assert sorted(stored) == [(SOURCE, "1"), (SOURCE, "2")]
    assert summary.rejected == 1
    assert [one.code for one in letter.faults] == ["unreadable_message"]


def test_the_topic_gets_the_message_as_it_came_with_its_reasons(tmp_path, topics):
    topic, dead = topics.make(), topics.make()
    first = structured(event("1"))
    bad = binary(event("2", channel="Not a name"), key=b"key")
    contradicting = structured(event("1", session="another"))
    nothing = Sent(None, key=b"key")
    topics.send(topic, [first, bad, contradicting, nothing])

    summary, _, letters = consume(tmp_path, topics, topic, dead_letter_topic=dead)

    assert summary.rejected == len(letters) == 3
    found = {one.value: one for one in topics.read(dead, 3)}
    assert set(found) == {bad.value, contradicting.value, None}
    headers = dict(found[bad.value].headers)
    assert found[bad.value].key == b"key"
    assert set(bad.headers) <= set(found[bad.value].headers)
    (code, _, pointer), *_ = orjson.loads(headers["identity_engine_faults"])
    assert (code, pointer) == ("bad_name", "/data/channel")
    assert headers["identity_engine_topic"] == topic.encode()
    assert headers["identity_engine_offset"].isdigit()
    (reason,) = orjson.loads(dict(found[contradicting.value].headers)["identity_engine_faults"])
    assert reason[0] == "conflicting_duplicate"


def test_letters_of_both_modes_are_driven_again_beside_the_store(tmp_path, topics):
    topic = topics.make()
    early = [event("1", time=TOO_EARLY), event("2", time=TOO_EARLY)]
    topics.send(topic, [structured(early[0]), binary(early[1])])
    summary, _, letters = consume(tmp_path, topics, topic)
    assert summary.rejected == len(letters) == 2

    with Engine.open(tmp_path / "store", world(clock=Clock(YEARS_LATER))) as engine:
        again = engine.redrive()
        assert (again.accepted, again.rejected) == (2, 0)
        assert sorted(received(engine.store)) == [(SOURCE, "1"), (SOURCE, "2")]


def test_the_topic_of_dead_letters_is_driven_again_by_consuming_it(tmp_path, topics):
    topic, dead = topics.make(), topics.make()
    topics.send(topic, [binary(event("1", time=TOO_EARLY)), structured(event("2"))])
    consume(tmp_path, topics, topic, dead_letter_topic=dead)

    summary, stored, _ = consume(tmp_path, topics, dead, Clock(YEARS_LATER))

    assert (summary.read, summary.accepted) == (1, 1)
    assert sorted(stored) == [(SOURCE, "1"), (SOURCE, "2")]


def test_what_still_fails_there_is_not_kept_a_second_time(tmp_path, topics):
    topic, dead = topics.make(), topics.make()
    topics.send(topic, [Sent(b"{"), structured(event("1", time=TOO_EARLY))])
    _, _, first = consume(tmp_path, topics, topic, dead_letter_topic=dead)
    topics.send(dead, [Sent(b"[")])  # which somebody else put there

    summary, stored, letters = consume(
        tmp_path, topics, dead, Clock(YEARS_LATER), dead_letter_topic=dead
    )

    assert (summary.read, summary.accepted, summary.rejected) == (3, 1, 2)
    assert stored == [(SOURCE, "1")]
    assert len(topics.read(dead, 3)) == 3, "nothing was written to the topic again"
    assert len(letters) == len(first) + 1
    again = {(one.stream, one.position): one.count for one in letters}
    assert [again[one.stream, one.position] for one in first] == [2, 1]


def test_only_the_topic_of_dead_letters_may_say_where_a_message_stood(tmp_path, topics):
    topic = topics.make()
    forged = (("identity_engine_source", b"kafka:elsewhere:0"), ("identity_engine_offset", b"7"))
    topics.send(topic, [Sent(b"{", headers=forged)])

    _, _, (letter,) = consume(tmp_path, topics, topic)

    assert (letter.stream, letter.position) != ("kafka:elsewhere:0", 7)


@pytest.mark.parametrize("offset", [b"-1", b"x", b"", b"9" * 30])
def test_a_place_that_is_none_is_not_taken(tmp_path, topics, offset):
    dead = topics.make()
    headers = (("identity_engine_source", b"kafka:elsewhere:0"), ("identity_engine_offset", offset))
    topics.send(dead, [Sent(b"{", headers=headers)])

    _, _, (letter,) = consume(tmp_path, topics, dead, dead_letter_topic=dead)

    assert letter.stream != "kafka:elsewhere:0"


def test_nothing_is_written_before_the_topic_of_dead_letters_has_them(
    tmp_path, topics, monkeypatch
):
    topic, dead = topics.make(), topics.make()
    topics.send(topic, [structured(event("1")), Sent(b"{")])
    send, stored_when_it_failed = DeadLetterTopic._send, []

    with Engine.open(tmp_path / "store", world()) as engine:

        def fail_once(*given):
            if not stored_when_it_failed:
                stored_when_it_failed.append(received(engine.store))
                raise KafkaTimeoutError
            return send(*given)

        monkeypatch.setattr(DeadLetterTopic, "_send", fail_once)
        subscription = topics.subscription(topic, dead_letter_topic=dead)
        done = engine.consume(subscription, until_caught_up=True)

        assert done.retries == 1
        assert stored_when_it_failed == [[]]
        assert received(engine.store) == [(SOURCE, "1")]
        assert [one.value for one in topics.read(dead, 1)] == [b"{"]


def test_a_topic_of_dead_letters_that_is_not_there_is_said(tmp_path, topics, real_kafka):
    with pytest.raises(ConfigurationError, match="no topic not-there"):
        consume(tmp_path, topics, topics.make(), dead_letter_topic="not-there")
