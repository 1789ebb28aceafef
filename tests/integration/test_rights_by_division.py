"""A right in one division is none in another, and none over the whole store (GX-1, GX-9, GX-12)."""

from datetime import timedelta

import pytest

from aggregates.access import Action
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, Origin
from identity_engine.application.operations.contacts.editing import NewIdentifier
from identity_engine.application.operations.values.claiming import Value
from identity_engine.application.rules import shipped_policy
from identity_engine.errors import Denied, NotFound
from tests.support.interactions import change, event, phone
from tests.support.lifetimes import WHY
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, change_policy, facts, mailed
from tests.support.soundness import is_sound
from tests.support.world import Clock, world


@pytest.fixture
def store(tmp_path):
    """A store in which one actor may do everything in the north, and another in the south."""
    with Engine.open(tmp_path / "store", world()) as engine:
        context = engine.desk.administration
        context.define_role("everything", [one.value for one in Action])
        context.grant("north", "everything", divisions=["north"], new_division=True)
        context.grant("south", "everything", divisions=["south"], new_division=True)
    return tmp_path / "store"


@pytest.fixture
def engine(store):
    with Engine.open(store, world(2)) as opened:
        yield opened


@pytest.fixture
def of_north(store, engine):
    """The engine as the actor of the north opens it."""
    with Engine.open(store, world(3), actor="north") as opened:
        yield opened


OF_THE_WHOLE_STORE = {
    "a role": lambda it: it.desk.administration.define_role("agent", ["contact:view"]),
    "a grant everywhere": lambda it: it.desk.administration.grant("north", "administrator"),
    "a policy": lambda it: it.desk.administration.activate("policy", shipped_policy()),
    "what a model learns from": lambda it: it.desk.administration.training_table(),
    "a rehearsal": lambda it: it.rehearse(),
    "re-evaluation": lambda it: it.reevaluate(),
    "a request for it": lambda it: it.request_reevaluation(),
    "dead letters": lambda it: it.desk.dead_letters.list(),
    "their re-drive": lambda it: it.redrive(),
    "their closing": lambda it: it.desk.dead_letters.close([]),
    "changes that wait": lambda it: it.desk.interactions.waiting(),
    "views": lambda it: it.verify(),
    "views anew": lambda it: it.rebuild(),
    "the index": lambda it: it.verify_index(),
    "the index anew": lambda it: it.rebuild_index(),
    "mail that is due": lambda it: it.desk.mails.send_due(),
    "arrivals": lambda it: it.desk.arrivals.waiting(),
}


@pytest.mark.parametrize("act", OF_THE_WHOLE_STORE.values(), ids=OF_THE_WHOLE_STORE)
def test_what_is_about_the_whole_store_takes_the_right_everywhere(engine, of_north, act):
    head = engine.store.head()
    with pytest.raises(Denied, match="division"):
        act(of_north)

    assert engine.store.head() == head + 1
    assert engine.desk.administration.refusals()[0].actor == "north"


class TestGrants:
    def test_are_given_and_taken_within_the_own_divisions(self, of_north):
        context = of_north.desk.administration
        assert context.grant("agent-7", "agent", divisions=["north"], new_division=True).written
        assert context.revoke("agent-7", "agent").written

    @pytest.mark.parametrize("wanted", [["south"], ["north", "south"], None], ids=str)
    def test_are_not_given_elsewhere(self, engine, of_north, wanted):
        with pytest.raises(Denied):
            of_north.desk.administration.grant(
                "agent-7", "agent", divisions=wanted, new_division=True
            )
        assert "agent-7" not in {one.actor for one in engine.desk.administration.access().grants}

    @pytest.mark.parametrize("held", [["south"], ["north", "south"], None], ids=str)
    def test_are_not_narrowed_or_taken_where_they_hold_elsewhere_too(self, engine, of_north, held):
        engine.desk.administration.grant("agent-7", "agent", divisions=held, new_division=True)

        with pytest.raises(Denied):
            of_north.desk.administration.grant(
                "agent-7", "agent", divisions=["north"], new_division=True
            )
        with pytest.raises(Denied):
            of_north.desk.administration.revoke("agent-7", "agent")
        with pytest.raises(Denied):
            of_north.desk.administration.revoke("owner", "owner")

    def test_of_other_divisions_are_not_shown(self, of_north):
        shown = of_north.desk.administration.access().grants
        assert {one.actor for one in shown} == {"owner", "north"}


def test_refusals_of_other_divisions_are_not_shown(engine, of_north):
    here, there = arrive(engine, mailed("1", division="north"), mailed("2", division="south"))
    engine.desk.administration.grant("agent-7", "auditor")
    engine.desk.administration.grant("agent-7", "supervisor", divisions=["west"], new_division=True)
    agent = engine.acting_as("agent-7").contacts
    for one in (here, there):
        with pytest.raises(Denied):
            agent.edit(one.contact_id, set={"city": "Ulm"})

    assert len(engine.desk.administration.refusals()) == 2
    (shown,) = of_north.desk.administration.refusals()
    assert (shown.actor, shown.division) == ("agent-7", "north")


def test_shared_values_of_other_divisions_are_not_shown(engine, of_north):
    change_policy(engine, default_division="south")
    line = phone("+81312345678")
    arrive(engine, *(event(str(n), line, profile=who) for n, who in enumerate((ANNA, KENTA))))
    engine.reevaluate()

    assert len(engine.desk.reading.shared_values()) == 1
    assert of_north.desk.reading.shared_values() == []


class TestMoved:
    """Where a contact moves its interactions go along, for whoever looks at them or acts on them."""

    @pytest.fixture
    def moved(self, engine):
        one, other = arrive(
            engine, mailed("1", division="north", profile=ANNA), mailed("2", division="north")
        )
        engine.desk.divisions.move(one.contact_id, "south", reason=WHY)
        return one.contact_id, other.interaction_id

    LOOKS = (
        lambda desk, it: desk.conversations.show(it),
        lambda desk, it: desk.conversations.card(it),
        lambda desk, it: desk.reading.why(it),
        lambda desk, it: desk.reading.why_not(it, it),
        lambda desk, it: desk.interactions.unlink(it, reason=WHY, dry_run=True),
    )

    @pytest.mark.parametrize("look", LOOKS, ids=["show", "card", "why", "why-not", "unlink"])
    def test_they_are_absent_where_it_was_and_there_where_it_is(self, engine, moved, look):
        assert look(engine.acting_as("south"), moved[1])
        with pytest.raises(NotFound):
            look(engine.acting_as("north"), moved[1])

    def test_they_are_listed_where_it_is(self, engine, moved):
        assert len(engine.acting_as("south").conversations.in_divisions()) == 2
        assert engine.acting_as("north").conversations.in_divisions() == []

    def test_one_that_was_unlinked_stays_there_and_can_be_linked_again(self, engine, moved):
        contact_id, interaction_id = moved
        south = engine.acting_as("south")
        south.interactions.unlink(interaction_id, reason=WHY)
        with pytest.raises(NotFound):
            engine.acting_as("north").conversations.show(interaction_id)
        arrive(engine, change("c", "2", "corrected", identifiers=[], profile=KENTA))
        assert is_sound(engine)

        south.interactions.associate(interaction_id, contact_id, reason=WHY)
        assert [one.id for one in engine.profile(contact_id).interactions] == ["1", "2"]
        assert is_sound(engine)

    def test_what_they_gave_is_held_where_it_is(self, engine, moved):
        (reply,) = arrive(engine, mailed("3", division="south"))
        (stranger,) = arrive(engine, mailed("4", division="north"))
        assert reply.contact_id == moved[0] != stranger.contact_id
        assert MAIL in {one.value for one in engine.profile(moved[0]).identifiers}


def test_who_was_one_with_a_contact_and_moved_away_is_absent_from_its_history(engine):
    one, other = arrive(
        engine, mailed("1", division="north", profile=ANNA), event("2", division="north")
    )
    merged = engine.desk.merging.merge([one.contact_id, other.contact_id], reason=WHY)
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
    away, stays = one, other
    engine.desk.divisions.move(away.contact_id, "south", reason=WHY)
    engine.desk.notes.add(away.contact_id, "For the south alone.")
    arrive(engine, mailed("3", division="south"))

    north = engine.acting_as("north").reading
    told = [*north.history(stays.contact_id), *north.how(stays.contact_id)]
    assert told
    assert "For the south alone." not in str(told)
    assert MAIL not in str(told)
    of_all = str(engine.history(stays.contact_id))
    assert MAIL in of_all  # as long as they were one
    assert "For the south alone." not in of_all


class TestFurtherRights:
    """What an operation does or shows besides what it is named after takes its own right."""

    @pytest.fixture
    def merger(self, engine):
        engine.desk.administration.define_role("merger", ["identity:merge", "identity:unmerge"])
        engine.desk.administration.define_role("adder", ["contact:add"])
        engine.desk.administration.grant("agent-7", "merger")
        engine.desk.administration.grant("agent-7", "adder")
        return engine.acting_as("agent-7")

    def test_a_preview_shows_profiles_to_who_may_view_them(self, engine, merger):
        ids = [one.contact_id for one in arrive(engine, event("1", profile=ANNA), event("2"))]
        with pytest.raises(Denied, match="contact:view"):
            merger.merging.preview(ids)

        merged = merger.merging.merge(ids, reason=WHY)
        with pytest.raises(Denied, match="contact:view"):
            merger.unmerging.preview(merged.merge_id)

    def test_a_verified_value_of_a_new_contact_takes_the_right_to_claim(self, merger):
        given = Value("email", MAIL)
        with pytest.raises(Denied, match="identity:claim"):
            merger.contacts.create(identifiers=[NewIdentifier(given, verified=True)])
        assert merger.contacts.create(identifiers=[NewIdentifier(given)]).done.contact_id


def test_a_refusal_names_what_the_call_was_about_where_nothing_is_allowed(engine):
    (one,) = arrive(engine, mailed("1"))
    with pytest.raises(Denied):
        engine.acting_as("stranger").reading.profile(one.contact_id)

    assert engine.desk.administration.refusals()[0].target == one.contact_id


def test_a_sweep_of_cases_closes_those_of_the_own_divisions(store, engine):
    of = {}
    for division in ("north", "south"):
        (call,) = arrive(engine, event(division, phone(), division=division))
        entry = Entry(note="Done.", resolved="solved")
        saved = engine.desk.cases.open(Origin("interaction", call.interaction_id), entry)
        of[division] = saved.number
    later = Clock(engine.now() + timedelta(days=365))
    with Engine.open(store, world(4, clock=later), actor="north") as of_north:
        assert of_north.desk.cases.sweep() == [of["north"]]


def test_a_card_opens_an_interaction_that_the_actor_may_view(engine):
    content = b'{"format": 1, "name": "with cards", "conversations": {"card": true}}'
    engine.desk.administration.activate("settings", content)
    (call,) = arrive(engine, mailed("1", division="north", profile=ANNA))
    arrive(engine, change("a", "1", "accepted", agent="agent-7"))
    for actor in ("agent-7", "agent-8"):
        engine.desk.administration.grant(actor, "agent", divisions=["north"], new_division=True)

    assert engine.acting_as("agent-7").conversations.card(call.interaction_id).contact
    with pytest.raises(NotFound):
        engine.acting_as("agent-8").conversations.card(call.interaction_id)
    assert not facts(engine, "access.refused")
