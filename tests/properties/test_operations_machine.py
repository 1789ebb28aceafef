"""Whatever people do in whatever order, the index, the views and a replay agree with a small model.

And undoing any merge gives the state of a history in which it was never made: the recorded commands are
carried out again in a second engine without it. Rules of further operations are added here: a rule
carries a command out by `run`, which also records it for the second engine, and lets the model follow.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from aggregates.errors import AlreadyDone, Refused
from projections.identity.query import find_identity
from tests.support.histories import Recorded, steps
from tests.support.merging import promote
from tests.support.reference import Arrival, Joined, Reference
from tests.support.sides import Side, arrived
from tests.support.soundness import is_sound
from tests.support.world import LATER

WHY = "She told us."
VALUES = ("a@x.example", "b@x.example", "c@x.example", "C-1", "C-2", "C-3")
MEMORY = Path("/dev/shm")
arrivals = st.lists(
    st.tuples(
        st.sampled_from(VALUES),
        st.integers(1, 28),
        st.sampled_from(("Nono", "Bibi", "Zaza")),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
some = st.integers(0, 1_000)
"""Picks one of whatever there is at that moment."""


class Operations(RuleBasedStateMachine):
    """People and traffic at one store."""

    start = LATER

    @initialize()
    def begin(self):
        self.folder = Path(
            tempfile.mkdtemp(prefix="machine-", dir=MEMORY if MEMORY.is_dir() else None)
        )
        self.model = Reference()
        self.side = Side(1, self.folder, self.start)
        self.history: list[Recorded] = []
        self.undone: set[str] = set()
        self.not_compared: set[str] = set()
        self.sent: list[Arrival] = []
        first = [(value, day, "Nono", day <= 6) for day, value in enumerate(VALUES * 2, 1)]
        self.arrive(first, 0)

    # What happens

    @rule(said=arrivals, resent=some)
    def interactions_arrive_late_again_or_out_of_order(self, said, resent):
        self.arrive(said, resent)

    def arrive(self, said, resent):
        batch = []
        for value, day, nickname, resolves in said:
            key = f"i{len(self.sent) + len(batch):03}"
            batch.append(Arrival(key, value, f"2026-02-{day:02}T09:00:00Z", nickname, resolves))
        fresh = list(batch)
        if self.sent and resent % 2:
            batch.insert(resent % len(batch), self.sent[resent % len(self.sent)])
        self.run(lambda side: arrived(side, batch))
        for arrival in fresh:
            self.follow_arrival(arrival)
            self.sent.append(arrival)
        self.check()

    def follow_arrival(self, arrival):
        """Let the model link it too."""
        self.model.arrive(arrival)

    @precondition(lambda self: len(self.model.live()) > 1)
    @rule(data=st.data(), named=some, confirmed=st.booleans(), twice=st.integers(0, 15))
    def somebody_merges_contacts(self, data, named, confirmed, twice):
        all_of_them = st.sampled_from(self.model.live())
        contacts = data.draw(st.lists(all_of_them, min_size=2, max_size=5, unique=True))
        if twice == 0:
            contacts.append(contacts[0])
        self.merge(contacts, named, confirmed=confirmed)

    @precondition(lambda self: len(self.present()) > 2)
    @rule(data=st.data(), named=some)
    def somebody_merges_contacts_that_nobody_has_merged(self, data, named):
        identities = sorted(self.present(), key=sorted)
        sets = data.draw(st.lists(st.sampled_from(identities), min_size=2, max_size=4, unique=True))
        contacts = [data.draw(st.sampled_from(sorted(members))) for members in sets]
        self.merge(contacts, named, confirmed=True)

    def merge(self, contacts, named, *, confirmed):
        survivor = contacts[named % len(contacts)] if named % 3 == 0 else None
        name = f"m{len(self.history):04}"
        refusal = self.model.refusal(contacts, self.now(), confirmed=confirmed)

        def again(side):
            ids = [side.ids[contact] for contact in contacts]
            merged = side.engine.desk.merging.merge(
                ids,
                survivor=side.ids[survivor] if survivor else None,
                reason="They told us.",
                confirmed=confirmed,
            )
            side.merges[name] = merged.merge_id

        if self.refused(again, refusal, merge=name):
            return
        self.model.merge(name, contacts, survivor)
        self.check()

    @precondition(lambda self: self.by_hand())
    @rule(pick=some, whole=st.booleans(), member=some, told_apart=st.booleans())
    def somebody_undoes_a_merge(self, pick, whole, member, told_apart):
        names = self.by_hand()
        name = names[pick % len(names)]
        ends = self.model.ends(name)
        leaving = None if whole else ends[member % len(ends)]

        def again(side):
            side.engine.desk.unmerging.unmerge(
                side.merges[name],
                member=side.ids[leaving] if leaving else None,
                told_apart=told_apart,
                reason="They are two.",
            )

        if told_apart:
            self.not_compared.add(name)
        elif whole:
            self.undone.add(name)
        self.run(again, merge=name)
        self.model.unmerge(name, leaving, told_apart=told_apart)
        self.check()
        # What the rules left undone because of the merge is theirs to decide before people go on.
        self.the_rules_evaluate_again()

    @precondition(lambda self: any(m.automatic for m in self.model.merges.values()))
    @rule(pick=some, told_apart=st.booleans())
    def somebody_undoes_what_the_rules_did(self, pick, told_apart):
        names = sorted(name for name, m in self.model.merges.items() if m.automatic)
        name = names[pick % len(names)]
        if pick % 4:
            return
        merge_id = self.side.merges[name]
        self.side.engine.desk.unmerging.unmerge(merge_id, told_apart=told_apart, reason=WHY)
        self.model.unmerge(name, None, told_apart=told_apart)
        self.is_repeatable = False  # the second engine need not have made the same merge
        self.check()

    @precondition(lambda self: self.undone - set(self.model.merges))
    @rule(pick=some)
    def somebody_undoes_it_once_more(self, pick):
        names = sorted(self.undone - set(self.model.merges))
        merge_id = self.side.merges[names[pick % len(names)]]
        with pytest.raises(AlreadyDone):
            self.side.engine.desk.unmerging.unmerge(merge_id, reason=WHY)

    @precondition(lambda self: len(self.present()) > 1)
    @rule(one=some, other=some, ends=st.booleans())
    def somebody_tells_two_apart(self, one, other, ends):
        a, b = self.contact(one), self.contact(other)
        if b in self.model.members(a):
            return
        until = self.now() + timedelta(days=1) if ends else None
        self.run(
            lambda side: side.engine.desk.telling_apart.tell(
                side.ids[a], side.ids[b], until=until, reason=WHY
            )
        )
        self.model.apart[frozenset((a, b))] = until

    @precondition(lambda self: self.model.apart)
    @rule(pick=some)
    def somebody_lifts_it(self, pick):
        pairs = sorted(self.model.apart, key=sorted)
        pair = pairs[pick % len(pairs)]
        a, b = sorted(pair)
        ours, theirs = self.model.members(a), self.model.members(b)
        between = [p for p in pairs if len(p & ours) == 1 and len(p & theirs) == 1]
        if ours == theirs or between != [pair]:
            return  # it would lift what was said of others who are one with them now
        self.run(
            lambda side: side.engine.desk.telling_apart.lift(side.ids[a], side.ids[b], reason=WHY)
        )
        del self.model.apart[pair]

    @precondition(lambda self: self.model.live())
    @rule(pick=some)
    def somebody_vouches_for_a_contact(self, pick):
        contact = self.contact(pick)
        if self.model.stage_of(self.model.members(contact)) == "curated":
            self.at(contact)  # the rules join no two who are vouched for, and part none
        self.run(lambda side: promote(side.engine, side.ids[contact]))
        self.model.stage[contact] = "curated"
        self.check()

    @precondition(lambda self: self.model.live())
    @rule(pick=some)
    def somebody_edits_a_contact(self, pick):
        contact, value = self.contact(pick), f"Name{len(self.history)}"
        saved = {"nickname": value}  # compared with nothing, so that it joins nobody
        self.run(lambda side: side.engine.desk.contacts.edit(side.ids[contact], set=saved))
        self.model.edit(contact, value)
        self.check()

    @rule()
    def the_rules_evaluate_again(self):
        head = self.side.engine.store.head()
        self.run(lambda side: side.engine.reevaluate())
        self.follow_the_rules(head)
        self.check()
        if self.model.somebody_is_kept_apart(self.now()):
            # A merge in force may be why, and people may say no once it is undone: without it the
            # rules would have been first. Only what is decided between human acts is free of order.
            self.not_compared |= set(self.by_hand())

    @rule()
    def two_days_pass(self):
        self.side.clock.set(self.side.clock() + timedelta(days=2))

    @rule()
    def the_store_is_closed_and_opened(self):
        self.side.restart()
        self.check()

    @rule()
    def the_views_are_built_anew(self):
        self.side.engine.rebuild()
        self.check()

    @rule()
    def the_index_is_built_anew(self):
        self.side.engine.rebuild_index()
        self.check()

    @rule()
    def everything_is_verified(self):
        self.verify()

    # How it is done and seen

    is_repeatable = True

    def run(self, again, merge=None):
        """Carry a command out, and record it for the second engine."""
        moment = self.side.clock()
        self.side.clock.set(moment)
        again(self.side)
        self.history.append(Recorded(again, moment, merge))

    def refused(self, again, refusal, merge=None):
        """Carry out a command that the model may refuse, and tell whether it was."""
        head = self.side.engine.store.head()
        if refusal is None:
            self.run(again, merge)
            return False
        with pytest.raises(Refused) as raised:
            again(self.side)
        assert raised.value.reason == refusal
        assert self.side.engine.store.head() == head
        return True

    def contact(self, pick):
        live = self.model.live()
        return live[pick % len(live)]

    def present(self):
        """Every identity that is there."""
        return {self.model.members(contact) for contact in self.model.live()}

    def now(self):
        return self.side.clock()

    def by_hand(self):
        return sorted(name for name, m in self.model.merges.items() if not m.automatic)

    def at(self, *contacts):
        """A person decides in sight of whole sets: a merge in force there is part of the decision."""
        seen = {member for one in contacts if one for member in self.model.members(one)}
        self.not_compared |= {
            name for name in self.by_hand() if seen.intersection(self.model.ends(name))
        }

    def follow_the_rules(self, head):
        """Let the model follow what re-evaluation decided; whether it may is checked apart."""
        names = {id_: name for name, id_ in self.side.ids.items()}
        for written in self.side.engine.store.read(head, 10_000):
            if written.fact.TOPIC == "contact.told_apart_lifted":
                pair = frozenset((names[written.stream_id], names[written.fact.other]))
                self.model.end_apart(pair, self.now())
                continue
            if self.follow_fact(written) or written.fact.TOPIC.startswith("contact.merge_refus"):
                continue  # the latter is a question to a person: nobody is joined by it
            assert written.fact.TOPIC == "contact.merged", "nothing else is to be done here"
            ((one, other),) = ((names[edge.one], names[edge.other]) for edge in written.fact.edges)
            ours, theirs = self.model.members(one), self.model.members(other)
            assert not self.model.are_apart(ours, theirs, self.now()), "told apart, and fused again"
            name = f"r{written.position:05}"
            self.side.merges[name] = written.fact.merge_id
            joined = frozenset({frozenset((one, other))})
            weak = written.fact.evidence.rule == "exact_weak"  # by a value that nobody verified
            self.model.merges[name] = Joined(joined, automatic=True, identifies=not weak)

    def follow_fact(self, written):
        """Follow what the rules did besides merging; tell whether it was such."""
        return False

    def check(self):
        """The model, the aggregate (the index) and the live views say the same."""
        side, model = self.side, self.model
        side.engine.follow()
        views = side.engine.follower.views.connection
        with side.engine.store.reading() as cursor:
            reader = side.engine.store.index.begin(cursor)
            reader.load_nearby((), side.ids.values())
        for members in model.identities():
            name = model.canonical(members, side.ids)
            canonical, presence = side.ids[name], model.gone.get(name, "live")
            stage, ids = model.stage_of(members), {side.ids[member] for member in members}
            for id_ in ids:
                aggregate, seen = reader.index.identity(id_), find_identity(views, id_)
                assert aggregate.canonical_id == seen.canonical_id == canonical
                assert aggregate.members == set(seen.members) == ids
                assert aggregate.stage.value == seen.stage == stage
                assert aggregate.presence == seen.presence == presence
            edited = model.edited(members)
            if edited is not None and presence == "live":
                assert side.engine.profile(canonical).fields["nickname"][0].value == edited
        for key, contact in model.contact_of.items():
            assert side.link_of(key) == (side.ids[contact] if contact else None)

    def verify(self):
        """Live equals a fresh replay."""
        assert is_sound(self.side.engine)

    def teardown(self):
        try:
            if hasattr(self, "side"):
                self.verify()
                self.check_the_law()
        finally:
            if hasattr(self, "side"):
                self.side.engine.close()
                shutil.rmtree(self.folder)

    def check_the_law(self):
        """Undoing a merge gives the state of the same history without it, what it told apart aside."""
        undone = self.undone - set(self.model.merges)
        candidates = sorted((undone | set(self.by_hand())) - self.not_compared)
        if not candidates or not self.is_repeatable:
            return
        name = candidates[len(self.history) % len(candidates)]
        if name in self.model.merges:
            merge_id = self.side.merges[name]
            self.side.engine.desk.unmerging.unmerge(merge_id, told_apart=False, reason=WHY)
        other = Side(100, start=self.start)
        try:
            for command in self.history:
                if command.merge != name:
                    other.clock.set(command.moment)
                    command.again(other)
            other.clock.set(self.side.clock())
            assert other.law_state() == self.side.law_state()
            assert other.corrections(VALUES) == self.side.corrections(VALUES)
        finally:
            other.engine.close()


class TestOperations(Operations.TestCase):
    """A few histories with every check."""

    settings = steps(3, 20)


@pytest.mark.slow
class TestManyOperations(Operations.TestCase):
    """More than 2,000 steps."""

    settings = steps(90, 30)
