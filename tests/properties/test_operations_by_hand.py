"""People correct links, move identifiers and take contacts away in the midst of all the rest.

The machine of merges goes on, with what people do to links, claims and contacts. Where a value leads
once its holders changed takes the whole engine to say, so the model follows the engine there and holds
it to what it promises: what a person said of a link stays, nothing leads to a contact that is gone, and
what was asked for is what is seen.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from aggregates.errors import AlreadyDone, Refused
from aggregates.values import instant_text
from identity_engine.application.operations.values.claiming import Value
from tests.properties.test_operations_machine import Operations, some
from tests.support.histories import steps
from tests.support.reference import RANK

QUIET = timedelta(days=60)
GONE_FOR_GOOD = timedelta(days=30)
WHY = "They told us."


def typed(value):
    """A value as a person gives it."""
    return Value("customer_id" if value.startswith("C-") else "email", value)


class ByHand(Operations):
    """People at one store who do more than merge."""

    # So soon after the traffic that contacts expire one after the other.
    start = datetime(2026, 4, 8, tzinfo=UTC)

    def __init__(self):
        super().__init__()
        self.came_back, self.left = {}, set()
        self.made_for = {}

    # Links

    @precondition(lambda self: self.model.linked() and self.model.live())
    @rule(pick=some, to=some, identifiers=st.sampled_from(("keep", "keep", "transfer", "share")))
    def somebody_gives_an_interaction_to_another(self, pick, to, identifiers):
        key, target = self.model.linked()[pick % len(self.model.linked())], self.contact(to)

        def again(side):
            side.engine.desk.interactions.associate(
                side.interaction(key), side.ids[target], reason=WHY, identifiers=identifiers
            )

        held = self.model.contact_of[key]
        if held is not None and held in self.model.members(target):
            with pytest.raises(AlreadyDone):
                again(self.side)
            return
        if identifiers != "keep":
            self.at(held, target)
        self.leave(held)
        self.run(again)
        self.model.give(key, target)
        self.see(held)

    @precondition(lambda self: self.model.linked())
    @rule(pick=some)
    def somebody_gives_an_interaction_to_a_new_contact(self, pick):
        key, name = self.model.linked()[pick % len(self.model.linked())], f"n{len(self.history):04}"
        held = self.model.contact_of[key]
        if held is not None and self.made_for.get(held) == key:
            return  # it is not made again, unless it was merged meanwhile

        def again(side):
            done = side.engine.desk.interactions.create_contact(side.interaction(key), reason=WHY)
            if done.contact_id != side.ids.get(held):
                side.ids[name] = done.contact_id

        self.at(held)  # it keeps the contact it has if nothing else is there
        self.run(again)
        if name not in self.side.ids:
            # It had a contact of its own already, which is a person's from now on.
            assert self.model.members(held) == {held}
            assert [k for k, c in self.model.contact_of.items() if c == held] == [key]
            name, self.model.stage[held] = held, "curated"
        else:
            self.model.add(name, instant_text(self.state(name).born), "curated")
        self.made_for[name] = key
        self.model.give(key, name)
        self.see(held)

    @precondition(lambda self: self.model.linked())
    @rule(pick=some)
    def somebody_takes_an_interaction_away(self, pick):
        key = self.model.linked()[pick % len(self.model.linked())]
        held = self.model.contact_of[key]
        if held is None:
            return
        self.leave(held)
        self.run(
            lambda side: side.engine.desk.interactions.unlink(side.interaction(key), reason=WHY)
        )
        self.model.give(key, None)
        self.see(held)

    # Claims

    @precondition(lambda self: self.model.live())
    @rule(pick=some, value=some, verified=st.booleans())
    def somebody_adds_an_identifier(self, pick, value, verified):
        contact, value = self.contact(pick), self.value(value)
        ours, (before, shared) = self.model.members(contact), self.holders(value)
        added = []

        def again(side):
            desk = side.engine.desk.identifiers
            added.append(desk.add(side.ids[contact], typed(value), verified=verified))

        reasons = ("held_by_another", "exclusive_conflict")
        done = self.done_or_refused(again, value, reasons, contact)
        claimed = done and not added[0].merge_offered
        after, is_shared = self.holders(value)
        assert after == (before | {ours} if claimed else before)
        assert is_shared == shared or not before  # a shared value that nobody holds is not seen
        if claimed and ours not in before:
            assert not before  # nobody else had it

    @precondition(lambda self: self.model.live())
    @rule(pick=some, value=some)
    def somebody_releases_an_identifier(self, pick, value):
        contact, value = self.contact(pick), self.value(value)
        ours, (before, _) = self.model.members(contact), self.holders(value)
        if ours not in before:
            return
        self.handle(
            lambda side: side.engine.desk.identifiers.release(side.ids[contact], typed(value)),
            value,
            contact,
        )
        assert self.holders(value)[0] == before - {ours}

    @precondition(lambda self: self.model.live())
    @rule(to=some, of=some, value=some)
    def somebody_transfers_an_identifier(self, to, of, value):
        value = self.value(value)
        before, _ = self.holders(value)
        holding = sorted(min(one) for one in before)
        if not holding:
            return
        target, former = self.contact(to), holding[of % len(holding)]
        ours, theirs = self.model.members(target), self.model.members(former)

        def again(side):
            side.engine.desk.identifiers.transfer(
                side.ids[target], typed(value), from_contact_id=side.ids[former], reason=WHY
            )

        reasons = ("same_contact", "exclusive_conflict")
        if self.done_or_refused(again, value, reasons, target, former):
            assert self.holders(value)[0] == before - {theirs} | {ours}

    # What was written on the survivor of a merge

    @precondition(lambda self: self.by_hand())
    @rule(pick=some, member=some)
    def somebody_undoes_a_merge_and_moves_what_was_written(self, pick, member):
        names, model = self.by_hand(), self.model
        name = names[pick % len(names)]
        ends = model.ends(name)
        target = ends[member % len(ends)]
        held = {value: self.side.holders_of(value) for value in self.model.values()}
        self.not_compared |= set(names)  # what was moved depends on who was one with whom

        def again(side):
            side.engine.desk.unmerging.unmerge(
                side.merges[name], move={"all": side.ids[target]}, told_apart=False, reason=WHY
            )

        head = self.side.engine.store.head()
        with suppress(Refused):  # the other has another identifier of which a person has one
            self.run(again, merge=name)
        if self.side.engine.store.head() == head:
            return
        model.unmerge(name, None, told_apart=False)
        self.side.engine.follow()
        self.follow_moves(target)
        model.handled |= {value for value in held if self.side.holders_of(value) != held[value]}
        self.see()
        self.the_rules_evaluate_again()

    def follow_moves(self, target):
        """A link that a person made goes to the member that was meant and nowhere else, and a value by
        hand is shown of one that it was saved of."""
        model, side = self.model, self.side
        for key, contact in list(model.contact_of.items()):
            if contact is not None and side.link_of(key) != side.ids[contact]:
                assert key in model.pinned
                assert side.link_of(key) == side.ids[target]
                model.contact_of[key] = target
        for members in model.identities():
            if model.gone.keys().isdisjoint(members):
                names = side.engine.profile(side.ids[min(members)]).fields.get("nickname", ())
                shown = next((one.value for one in names if one.value in model.said), None)
                if shown != model.edited(members):
                    model.moved(shown, members, target)

    # Contacts that go and come back

    @rule()
    def the_sweep_runs(self):
        model, now, before = self.model, self.now(), self.present()
        self.not_compared |= set(self.by_hand())  # a merge by a person holds it off
        self.run(lambda side: side.engine.desk.lifecycle.sweep())
        by_person = [edge for m in model.merges.values() if not m.automatic for edge in m.edges]
        for members in before:
            keeps = any(edge <= members for edge in by_person)
            keeps = keeps or model.stage_of(members) == "curated"
            times = [model.arrivals[k].time for k, c in model.contact_of.items() if c in members]
            if self.state(min(members)).presence == "expired":
                assert not keeps
                assert all(datetime.fromisoformat(one) + QUIET <= self.now() for one in times)
                model.take_away(members, "expired")
            elif not keeps:
                times += [self.came_back.get(one, model.born[one]) for one in members]
                assert any(datetime.fromisoformat(one) + QUIET > now for one in times)
        self.see()

    @precondition(lambda self: self.model.live())
    @rule(pick=some)
    def somebody_deletes_a_contact(self, pick):
        if pick % 3:
            return  # else few would be left
        contact = self.contact(pick)
        members = self.model.members(contact)
        self.at(contact)
        self.run(lambda side: side.engine.desk.lifecycle.delete(side.ids[contact], reason=WHY))
        self.model.take_away(members, "deleted")
        self.see()

    @precondition(lambda self: self.model.gone)
    @rule(pick=some)
    def somebody_restores_a_contact(self, pick):
        gone = sorted(self.model.gone)
        contact = gone[pick % len(gone)]
        since = self.state(contact).gone_since

        def again(side):
            side.engine.desk.lifecycle.restore(side.ids[contact])

        if since + GONE_FOR_GOOD <= self.now():
            with pytest.raises(Refused) as raised:
                again(self.side)
            assert raised.value.reason == "restore_period_over"
            return
        self.at(contact)
        self.run(again)
        for member in self.model.members(contact):
            del self.model.gone[member]
            self.came_back[member] = instant_text(self.now())
        self.see()

    @precondition(lambda self: self.model.gone and self.model.live())
    @rule(pick=some, other=some)
    def nobody_changes_a_contact_that_is_gone(self, pick, other):
        gone, live = sorted(self.model.gone), self.contact(other)
        contact, desk, ids = gone[pick % len(gone)], self.side.engine.desk, self.side.ids
        for act in (
            lambda: desk.merging.merge([ids[live], ids[contact]], confirmed=True, reason=WHY),
            lambda: desk.contacts.edit(ids[contact], set={"nickname": "Late"}),
            lambda: desk.identifiers.add(ids[contact], typed("a@x.example")),
        ):
            with pytest.raises(Refused) as raised:
                act()
            assert raised.value.reason == self.model.gone[contact]

    # How it is done and seen

    def value(self, pick):
        values = self.model.values()
        return values[pick % len(values)]

    def holders(self, value):
        """The identities that hold a value, and whether it is shared."""
        self.side.engine.follow()
        names = {id_: name for name, id_ in self.side.ids.items()}
        holders, shared = self.side.holders_of(value)
        return {self.model.members(names[one]) for one in holders}, shared

    def state(self, name):
        """What the aggregate knows of a contact."""
        store, id_ = self.side.engine.store, self.side.ids[name]
        with store.reading() as cursor:
            reader = store.index.begin(cursor)
            reader.load_nearby((), [id_])
        return reader.index.contacts[id_].state

    def leave(self, contact):
        """An interaction leaves its contact. One that is emptied stays one with whom the rules merged it
        with, and where a person had merged the two already they did not."""
        if sum(one == contact for one in self.model.contact_of.values()) == 1:
            self.at(contact)

    def handle(self, again, value, *contacts):
        """Carry out what changes who holds a value."""
        self.at(*contacts)
        self.model.handled.add(value)
        self.run(again)
        self.see()

    def done_or_refused(self, again, value, reasons, *contacts):
        """Carry out what may be refused for these reasons, and tell whether it was done."""
        head = self.side.engine.store.head()
        try:
            self.handle(again, value, *contacts)
        except Refused as refused:
            reason = refused.reason
        else:
            return True
        assert reason in reasons
        assert self.side.engine.store.head() == head
        return False

    def see(self, left=None):
        """Take over the stages that the engine gave: they never fall by what is done here, but where a
        person took an interaction from a contact, `left`, that was identified by it."""
        self.left |= {left}
        for name in self.model.order:
            stage, before = self.state(name).stage.value, self.model.stage[name]
            fell = name == left and (before, stage) == ("identified", "ephemeral")
            assert fell or RANK.index(stage) >= RANK.index(before)
            self.model.stage[name] = stage
        self.check()
        gone = {self.side.ids[name] for name in self.model.gone}
        for value in {value for value in self.model.handled if gone}:
            assert gone.isdisjoint(self.side.holders_of(value)[0])
        for text in ("Nono", "Bibi", "Zaza") if gone else ():
            found = self.side.engine.search(text, limit=1_000)
            assert gone.isdisjoint(one.contact_id for one in found)

    def follow_arrival(self, arrival):
        model, side = self.model, self.side
        if arrival.value not in model.handled:
            model.arrive(arrival)
            return
        # With no holder at its time, likeness decides, in sight of the merges of that day.
        self.not_compared |= set(self.by_hand())
        model.arrivals[arrival.key] = arrival
        names = {id_: name for name, id_ in side.ids.items()}
        contact = names[side.link_of(arrival.key)]
        assert contact not in model.gone
        if contact == arrival.key:
            model.add(contact, arrival.time, "ephemeral")
        model.contact_of[arrival.key] = contact
        model.stage[contact] = self.state(contact).stage.value

    def follow_fact(self, written):
        names = {id_: name for name, id_ in self.side.ids.items()}
        keys = {self.side.interaction(arrival.key): arrival.key for arrival in self.sent}
        fact = written.fact
        match fact.TOPIC:
            case "contact.merged":
                return False
            case "contact.identified":
                self.model.stage[names[written.stream_id]] = "identified"
            case "contact.identification_undone":
                name = names[written.stream_id]
                assert name in self.left, "nobody took anything from it"
                self.model.stage[name] = "ephemeral"
            case "contact.created":
                name = f"x{written.position:05}"
                self.side.ids[name] = written.stream_id
                self.model.add(name, instant_text(self.state(name).born), "ephemeral")
                self.is_repeatable = False
            case "interaction.linked" | "interaction.unlinked":
                key = keys[written.stream_id]
                assert key not in self.model.pinned, "a person said whose it is"
                self.model.handled.add(self.model.arrivals[key].value)
                if fact.TOPIC == "interaction.linked":
                    self.model.contact_of[key] = names[fact.contact_id]
            case "contact.unmerged":
                (name,) = [n for n, id_ in self.side.merges.items() if id_ == fact.merge_id]
                assert self.model.merges[name].automatic
                del self.model.merges[name]
                self.is_repeatable = False
        return True


class TestByHand(ByHand.TestCase):
    """A few histories with every check."""

    settings = steps(3, 20)


@pytest.mark.slow
class TestManyByHand(ByHand.TestCase):
    """More than 2,000 steps."""

    settings = steps(90, 30)
