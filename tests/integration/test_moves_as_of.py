"""As of a moment a contact that moved is shown as it was, to whoever may see it now (GX-12)."""

import pytest

from identity_engine.application.cases.entry import Entry, Origin
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import NotFound
from tests.support.interactions import event, phone
from tests.support.lifetimes import WHY
from tests.support.resolving import ANNA, KENTA, arrive, mailed, unrevised


class Recorder:
    """What was shown at each position of the log at which somebody looked."""

    def __init__(self, engine, folder):
        self.engine, self.out, self.seen = engine, folder / "links.csv", {}

    def exported(self, as_of=None, actor=None):
        desk = self.engine.acting_as(actor) if actor else self.engine.desk
        desk.reading.export_links(self.out, as_of)
        return self.out.read_text().splitlines()[1:]

    def look(self, *contact_ids):
        shown = {one: unrevised(self.engine, one) for one in contact_ids}
        steps = {one: self.engine.how(one) for one in contact_ids}
        self.seen[self.engine.store.head()] = shown, steps, self.exported()

    def check(self):
        """As of each of those positions the same is answered."""
        assert len(self.seen) > 1
        for position, (shown, steps, links) in self.seen.items():
            then = f"pos:{position}"
            for one, profile in shown.items():
                assert unrevised(self.engine, one, then) == profile
                assert self.engine.how(one, then) == steps[one]
            assert self.exported(then) == links


@pytest.fixture
def live(engine, tmp_path):
    return Recorder(engine, tmp_path)


@pytest.fixture
def anna(engine):
    """A contact of the north with two interactions."""
    (one, _) = arrive(
        engine,
        mailed("1", division="north", profile=ANNA),
        mailed("2", division="north", time="2026-02-02T09:00:00Z"),
    )
    return one.contact_id


def interactions(engine, contact_id):
    return [one.interaction_id for one in engine.profile(contact_id).interactions]


def test_a_contact_lies_where_it_lay_then(engine, live, anna):
    live.look(anna)
    for there in ("south", "west", "south", "north"):
        engine.desk.divisions.move(anna, there, reason=WHY, new_division=True)
        live.look(anna)

    shown = [one[0][anna].division for one in live.seen.values()]
    assert shown == ["north", "south", "west", "south", "north"]
    live.check()
    told = engine.history(anna)
    for position in live.seen:
        until = [one for one in told if one.position <= position]
        assert engine.history(anna, f"pos:{position}") == until


def test_what_was_given_away_after_a_move_was_its_own_before(engine, live, anna):
    (kenta,) = arrive(engine, event("k", phone(), division="south", profile=KENTA))
    first, second = interactions(engine, anna)
    both = anna, kenta.contact_id
    live.look(*both)
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)
    live.look(*both)
    engine.desk.interactions.associate(first, kenta.contact_id, reason=WHY, identifiers="transfer")
    live.look(*both)
    engine.desk.interactions.unlink(second, reason=WHY)
    live.look(kenta.contact_id)
    engine.desk.divisions.move(kenta.contact_id, "north", reason=WHY, new_division=True)
    live.look(kenta.contact_id)
    live.check()


def test_what_others_held_there_stays_theirs(engine, live, anna):
    (there,) = arrive(engine, mailed("3", division="south", profile=KENTA))
    both = anna, there.contact_id
    live.look(*both)
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)
    live.look(*both)
    engine.desk.divisions.move(there.contact_id, "north", reason=WHY, new_division=True)
    live.look(*both)
    engine.desk.divisions.move(anna, "north", reason=WHY, new_division=True)
    live.look(*both)
    live.check()


def test_a_set_that_moved_is_parted_and_moves_apart(engine, live, anna):
    (other,) = arrive(engine, event("o", phone(), division="north", profile=KENTA))
    both = anna, other.contact_id
    live.look(*both)
    merged = engine.desk.merging.merge(list(both), reason=WHY)
    live.look(*both)
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)
    live.look(*both)
    engine.desk.identifiers.add(anna, Value("phone", "+4930123456"), verified=True, label="work")
    engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
    live.look(*both)
    engine.desk.divisions.move(other.contact_id, "west", reason=WHY, new_division=True)
    live.look(*both)
    assert engine.profile(other.contact_id).division == "west"
    live.check()


def test_what_is_in_the_past_of_a_contact_is_shown_to_who_may_see_it_now(engine, live, anna):
    context = engine.desk.administration
    for actor in ("north", "south"):
        context.grant(actor, "owner", divisions=[actor], new_division=True)
    before = f"pos:{engine.store.head()}"
    links = live.exported()
    assert len(links) == 2
    engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)

    south, north = engine.acting_as("south"), engine.acting_as("north")
    assert south.reading.profile(anna, before).division == "north"
    assert south.reading.history(anna, before)
    with pytest.raises(NotFound):
        north.reading.profile(anna, before)
    for as_of in (None, before):
        assert live.exported(as_of, "south") == links
        assert live.exported(as_of, "north") == []


class TestWhoWasOneWithAContactThatStays:
    """What moved away is not shown as the past of a contact that it was one with."""

    @pytest.fixture
    def bert(self, engine, anna):
        """A contact that was one with Anna, in the north, until she left it for the south."""
        (bert,) = arrive(engine, event("b", phone(), division="north", profile=KENTA))
        merged = engine.desk.merging.merge([anna, bert.contact_id], reason=WHY)
        engine.desk.notes.add(anna, "For the south alone.")
        engine.desk.cases.open(Origin("contact", anna), Entry(note="Hers."), subject="Her offer")
        self.then = f"pos:{engine.store.head()}"
        engine.desk.unmerging.unmerge(merged.merge_id, reason=WHY)
        engine.desk.divisions.move(anna, "south", reason=WHY, new_division=True)
        engine.desk.administration.grant("north", "owner", divisions=["north"], new_division=True)
        return bert.contact_id

    def test_a_profile_shows_its_own_part(self, engine, anna, bert):
        north = engine.acting_as("north")
        assert engine.profile(bert, self.then).members == (anna, bert)
        shown = north.reading.profile(bert, self.then)
        assert shown.members == (bert,)
        assert "anna.berger" not in str(shown)
        assert [one.type for one in shown.identifiers] == ["phone"]
        assert shown.cases == ()

    def test_notes_are_its_own(self, engine, bert):
        assert len(engine.desk.notes.list(bert, as_of=self.then)) == 1
        assert engine.acting_as("north").notes.list(bert, as_of=self.then) == ()

    def test_its_history_tells_of_no_case_of_the_other(self, engine, bert):
        told = engine.acting_as("north").reading.history(bert)
        assert told
        assert "Her offer" not in str(told)
        assert not [one for one in told if one.topic.startswith("case.")]

    def test_links_name_nobody_who_moved_away(self, engine, live, anna, bert):
        assert len(live.exported(self.then)) == 3
        assert anna not in str(live.exported(self.then, "north"))
