"""Laws of the whole engine for any traffic: once is enough, batches do not matter, replay is live."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity_engine import Engine, Rejected
from tests.properties.traffic import conversations, in_batches, traffic, with_resends
from tests.support.histories import examples
from tests.support.world import world

pytestmark = pytest.mark.slow
few = examples(15)


def engine(seed=1):
    return Engine.in_memory(world(seed))


def canonical(opened):
    opened.follow()
    return opened.follower.views.canonical_hashes()


def ingested(batches, seed=1):
    """The canonical hashes and the length of the log after these batches."""
    with engine(seed) as opened:
        for batch in batches:
            opened.ingest(batch)
        return canonical(opened), opened.store.head()


@few
@given(events=st.one_of(traffic, conversations()))
def test_nothing_of_what_the_laws_send_is_rejected(events):
    with engine() as opened:
        assert not [one for one in opened.ingest(events) if isinstance(one, Rejected)]


@few
@given(events=traffic)
def test_sending_everything_twice_writes_nothing_the_second_time(events):
    with engine() as opened:
        first = opened.ingest(events)
        head, hashes = opened.store.head(), canonical(opened)

        again = opened.ingest(events)

        assert {one.status for one in first} == {"accepted"}
        assert {one.status for one in again} == {"duplicate"}
        assert [one.interaction_id for one in again] == [one.interaction_id for one in first]
        assert (opened.store.head(), canonical(opened)) == (head, hashes)


@few
@given(data=st.data(), events=st.one_of(traffic, conversations()))
def test_the_size_of_the_batches_changes_nothing(data, events):
    batches = data.draw(in_batches(events))
    assert ingested(batches, seed=1) == ingested([events], seed=2)


@few
@given(data=st.data(), events=traffic)
def test_resends_in_between_change_nothing(data, events):
    stream = data.draw(with_resends(events))
    assert ingested(data.draw(in_batches(stream)), seed=1) == ingested([events], seed=2)


@few
@given(data=st.data(), events=traffic)
def test_a_replay_equals_the_live_views_however_they_followed(data, events):
    with engine() as opened:
        for batch in data.draw(in_batches(data.draw(with_resends(events)))):
            opened.ingest(batch)
            if data.draw(st.booleans()):
                opened.follow()
        opened.follow()

        assert all(verdict.is_sound for verdict in opened.verify())


@few
@given(events=traffic)
def test_rebuilt_views_equal_those_they_replace(events):
    with engine() as opened:
        opened.ingest(events)
        opened.follow()
        before = opened.follower.views.exact_hashes()

        opened.rebuild()

        assert opened.follower.views.exact_hashes() == before


@few
@given(data=st.data(), events=traffic)
def test_every_interaction_belongs_to_one_contact_of_its_division(data, events):
    with engine() as opened:
        for batch in data.draw(in_batches(events)):
            opened.ingest(batch)
        opened.follow()

        contacts = {opened.why(id_)[0].contact_id for id_ in received(opened)}
        profiles = [opened.profile(contact_id) for contact_id in contacts]

        linked = [one.interaction_id for profile in profiles for one in profile.interactions]
        assert sorted(linked) == sorted(received(opened))
        assert sum(opened.counts().values()) - opened.counts()["in review"] == len(contacts)


anything = st.one_of(
    st.binary(max_size=50),
    st.text(st.characters(codec=None), max_size=50),
    st.dictionaries(
        st.text(st.characters(codec=None), max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        max_size=4,
    ),
)


@few
@given(rubbish=st.lists(anything, max_size=5), events=traffic, place=st.integers(0, 60))
def test_rubbish_in_a_batch_is_rejected_and_stops_nothing(rubbish, events, place):
    cut = place % (len(events) + 1)
    with engine(seed=1) as opened:
        answers = opened.ingest([*events[:cut], *rubbish, *events[cut:]])

        assert len(answers) == len(events) + len(rubbish)
        assert all(isinstance(one, Rejected) for one in answers[cut : cut + len(rubbish)])
        assert (canonical(opened), opened.store.head()) == ingested([events], seed=2)


@few
@given(events=traffic)
def test_text_bytes_and_dictionaries_say_the_same(events):
    lines = [orjson.dumps(one) for one in events]
    mixed = [
        (line, line.decode(), made)[number % 3]
        for number, (line, made) in enumerate(zip(lines, events, strict=True))
    ]
    assert ingested([mixed], seed=1) == ingested([lines], seed=2)


def received(opened):
    return [
        one.stream_id
        for one in opened.store.read(0, 10_000)
        if one.fact.TOPIC == "interaction.received"
    ]
