"""Laws of the aggregates for any history: decide and evolve agree, and repeat themselves."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregates import contact, identifier, interaction, ownership
from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.identifier import ClaimPersonal, IdentifierShared
from aggregates.interaction import HoldForReview, Link, Linked, Receive, Unknown, Unlink, Unlinked
from aggregates.ownership import Claim, Release
from aggregates.values import Evidence, IdentifierClass
from tests.schemas.golden_facts import GOLDEN

START = datetime(2026, 1, 1, tzinfo=UTC)
CAP = 2
PEOPLE = ("ann", "bob", "cid", "dan")
NUMBER = ClaimPersonal(
    type="phone", family="phone", value="+81312345678", raw="+81312345678", normaliser="1"
)
EVIDENCE = Evidence(rule="score", model="m", policy="p")
RECEIVED = next(g.fact for g in GOLDEN if g.fact.TOPIC == "interaction.received")

people = st.sampled_from(PEOPLE)
moments = st.integers(0, 20).map(lambda days: START + timedelta(days=days))
facts = st.sampled_from([golden.fact for golden in GOLDEN])
claims = st.builds(
    Claim,
    contact_id=people,
    interaction_id=st.just("i"),
    division=st.just("north"),
    identifier_class=st.sampled_from(IdentifierClass),
    verified=st.booleans(),
    cap=st.just(CAP),
    valid_from=moments,
    personal=st.just(NUMBER),
    window=st.none(),
)
identifier_commands = st.one_of(claims, st.builds(Release, people, moments, st.just("recycled")))
identifier_histories = st.lists(identifier_commands, max_size=12)
in_order_of_time = identifier_histories.map(
    lambda commands: sorted(commands, key=lambda command: command.valid_from)
)


def carried_out(history):
    """The state and all facts after the commands that the rules allow."""
    state, told = None, []
    for command in history:
        try:
            decided = ownership.decide(state, command)
        except (NotYet, Refused):
            continue
        for fact in decided:
            state = identifier.evolve(state, fact, command.valid_from)
            told.append((fact, command.valid_from))
    return state, told


@given(in_order_of_time)
def test_an_identifier_is_held_by_whoever_claimed_it_last_without_releasing_it(history):
    holding = set()
    for command in history:
        if isinstance(command, Claim):
            holding.add(command.contact_id)
        else:
            holding.discard(command.contact_id)
    state, _ = carried_out(history)

    assert {who for who in PEOPLE if state is not None and state.is_held_by(who)} == holding


@given(identifier_histories, claims)
def test_a_claim_made_twice_says_nothing_the_second_time(history, claim):
    state, _ = carried_out([*history, claim])
    assert ownership.decide(state, claim) == ()


@given(identifier_histories)
def test_an_identifier_becomes_shared_once_and_when_its_holders_are_over_the_cap(history):
    state, told = carried_out(history)
    sharings = [fact for fact, _ in told if isinstance(fact, IdentifierShared)]

    assert len(sharings) == (state is not None and state.shared)
    assert all(sharing.holders == CAP + 1 for sharing in sharings)
    if state is not None and not state.shared:
        assert len({who for who in PEOPLE if state.is_held_by(who)}) <= CAP


@given(identifier_histories, moments)
def test_holders_at_a_moment_held_it_then_or_are_the_earliest_of_all(history, moment):
    state, _ = carried_out(history)
    if state is None:
        return
    holders = state.holders_at(moment)

    assert list(holders) == sorted(holders, key=lambda held: (held.valid_from, held.contact_id))
    assert set(holders) <= set(state.holdings)
    # A claim that ended where it began was taken back; it speaks for no time.
    held_once = [held for held in state.holdings if held.valid_to != held.valid_from]
    earliest = min((held.valid_from for held in held_once), default=moment)
    if moment >= earliest:
        assert all(held.covers(moment) for held in holders)
    elif holders:
        assert [held.valid_from for held in holders] == [earliest]


@given(identifier_histories)
def test_a_history_is_the_same_however_often_it_is_replayed(history):
    state, told = carried_out(history)

    for _ in range(2):
        replayed = None
        for fact, moment in told:
            replayed = identifier.evolve(replayed, fact, moment)
        assert replayed == state


contact_commands = st.one_of(
    st.builds(contact.Create, division=st.just("north")),
    st.builds(contact.Identify, by=st.sampled_from(("exclusive", "verified"))),
    st.builds(contact.Promote),
)


@given(st.lists(contact_commands, max_size=8))
def test_a_contact_never_falls_and_no_command_works_twice(commands):
    state = None
    for command in commands:
        try:
            decided = contact.decide(state, command)
        except (AlreadyDone, NotYet):
            continue
        before = state
        for fact in decided:
            state = contact.evolve(state, fact, START)
        assert before is None or state.stage.rank >= before.stage.rank
        assert bool(decided) == (state != before)
        if not isinstance(command, contact.Create):
            assert contact.decide(state, command) == ()


interaction_commands = st.one_of(
    st.just(Receive(fact=RECEIVED)),
    st.builds(Link, contact_id=people, evidence=st.just(EVIDENCE), pinned=st.booleans()),
    st.builds(HoldForReview, proposed=people, evidence=st.just(EVIDENCE)),
    st.builds(Unlink, pinned=st.booleans()),
)


def expected(state, command):
    """The state after a command, told without any fact; the state itself where it is refused."""
    match state, command:
        case Unknown(), Receive():
            return Unlinked()
        case ((Unlinked() | Linked()), Link(contact_id=wanted, pinned=pinned)):
            if isinstance(state, Linked) and state.contact_id == wanted:
                return state
            return Linked(wanted, pinned)
        case Linked(contact_id=own, pinned=pinned), HoldForReview(proposed=proposed):
            return Linked(own, pinned, proposed)
        case Linked(contact_id=held), Unlink(pinned=pinned):
            return Unlinked(pinned, taken_from=held)
        case _:
            return state


@given(st.lists(interaction_commands, max_size=10))
def test_an_interaction_is_always_where_the_last_allowed_command_put_it(commands):
    state = Unknown()
    for command in commands:
        wanted = expected(state, command)
        try:
            decided = interaction.decide(state, command)
        except (AlreadyDone, NotYet):
            decided = ()
        for fact in decided:
            state = interaction.evolve(state, fact)
        assert state == wanted


@given(identifier_histories, facts)
def test_deciding_and_evolving_leave_the_state_they_were_given_alone(history, fact):
    state, _ = carried_out(history)
    before = repr(state)

    identifier.evolve(state, fact, START)
    ownership.decide(
        state, Claim("new", None, "north", IdentifierClass.WEAK, True, 1, START, NUMBER)
    )

    assert repr(state) == before
