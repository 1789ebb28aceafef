"""What is explained agrees with what is so, in whatever world."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity_engine import Engine
from tests.properties.traffic import conversations, small_worlds
from tests.support.histories import examples
from tests.support.world import Clock, world

worlds = st.one_of(small_worlds(), conversations())
few = examples(15, same=True)
more = examples(150)


def evaluated(events, ask):
    """Let a world arrive, and ask once it is evaluated."""
    with Engine.in_memory(world(1, Clock())) as engine:
        engine.ingest(events)
        engine.reevaluate()
        engine.follow()
        ask(engine)


def ask_why_not(engine):
    """Never is it said that nothing keeps two apart whom the rules refuse to join."""
    for refused in engine.refused_merges(100):
        answer = engine.why_not(refused.one, refused.other)
        assert answer.recorded is not None
        assert answer.verdict not in ("would_join", "never_compared", "already_one")


@given(worlds)
@few
def test_why_not_says_what_keeps_two_apart_whom_the_rules_refuse(events):
    evaluated(events, ask_why_not)


@pytest.mark.slow
@given(worlds)
@more
def test_it_says_so_in_many_more_worlds(events):
    evaluated(events, ask_why_not)


def ask_how(engine):
    """The last of the steps counts what the profile shows."""
    for id_ in engine.follower.views.connection.execute("SELECT contact_id FROM identity_contact"):
        profile, end = engine.profile(*id_), engine.how(*id_)[-1]
        held = {one.identifier_id for one in profile.identifiers if one.valid_to is None}
        assert end.identifiers == len(held)
        assert end.interactions == len(profile.interactions)
        assert end.members == len(profile.members)


@given(worlds)
@few
def test_how_ends_with_what_the_profile_shows(events):
    evaluated(events, ask_how)


@pytest.mark.slow
@given(worlds)
@more
def test_it_does_in_many_more_worlds(events):
    evaluated(events, ask_how)
