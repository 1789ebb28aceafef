"""Whatever is done later, an answer as of a moment is the one that was given live at that moment; and
what a preview of a merge or unmerge shows is what comes of it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aggregates.errors import RuleViolation
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, Origin
from identity_engine.application.operations.values.claiming import Value
from identity_engine.errors import NotFound, UsageError
from tests.properties.policies import policies
from tests.properties.traffic import CUSTOMERS, MAILS, PHONES, conversations, crowds, small_worlds
from tests.support.histories import examples
from tests.support.resolving import change_policy
from tests.support.soundness import is_sound
from tests.support.world import Clock, world

WHY = "They told us."
VALUES = [
    *(Value("phone", one) for one in PHONES[:2]),
    *(Value("email", one) for one in MAILS[:3]),
    *(Value("customer_id", one) for one in CUSTOMERS),
]
DEEDS = 22
some = st.integers(0, 1_000)
deeds = st.lists(st.tuples(st.integers(0, DEEDS - 1), some, some, some), max_size=15)


class Centre:
    """One store, and what was shown of its contacts at each moment at which somebody looked."""

    def __init__(self, engine):
        self.engine = engine
        self.seen = {}

    def ids(self, column, table, where="TRUE"):
        self.engine.follow()
        rows = self.engine.follower.views.connection.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE {where} ORDER BY {column}"
        )
        return [id_ for (id_,) in rows]

    def shown(self, contact_id, as_of=None):
        engine = self.engine
        profile = replace(engine.profile(contact_id, as_of), is_restorable=None)
        notes = engine.desk.notes.list(contact_id, as_of=as_of)
        return profile, notes, engine.history(contact_id, as_of), engine.how(contact_id, as_of)

    def look(self, *contact_ids):
        self.engine.follow()
        then = f"pos:{self.engine.store.head()}"
        self.seen |= {(then, one): self.shown(one) for one in contact_ids}

    def merge(self, one, other):
        merging = self.engine.desk.merging
        foreseen = merging.preview([one, other])
        merging.merge([one, other], reason=WHY, confirmed=True, token=foreseen.token)
        assert self.engine.profile(one) == foreseen.profile

    def unmerge(self, merge_id, *, told_apart):
        unmerging = self.engine.desk.unmerging
        foreseen = unmerging.preview(merge_id, told_apart=told_apart)
        unmerging.unmerge(merge_id, reason=WHY, told_apart=told_apart, token=foreseen.token)
        for part in foreseen.parts:
            assert self.engine.profile(part.contact_id) == part

    def note_in(self, interaction_id, text):
        """Write a note in an interaction, on whoever has it."""
        whose = f"interaction_id = '{interaction_id}'"
        (contact_id,) = self.ids("contact_id", "profile_contribution", whose)
        self.engine.desk.notes.add(contact_id, text, interaction_id=interaction_id)

    def do(self, kind, one, other, third):
        """Do one of the things that people do, or nothing where there is nobody to do it to."""
        desk, contacts = self.engine.desk, self.ids("contact_id", "identity_contact")
        a, b = contacts[one % len(contacts)], contacts[other % len(contacts)]
        interactions = self.ids("interaction_id", "profile_contribution")
        merges = self.ids("merge_id", "identity_edge", "in_force")
        notes = self.ids("note_id", "note_word", "interaction_id IS NOT NULL")
        value, interaction = VALUES[third % len(VALUES)], interactions[third % len(interactions)]
        identifiers = ("keep", "transfer", "share")[third % 3]
        done = [
            lambda: self.merge(a, b),
            lambda: self.merge(a, b),
            lambda: merges and self.unmerge(merges[one % len(merges)], told_apart=other % 2 == 0),
            lambda: desk.interactions.associate(
                interaction, a, reason=WHY, identifiers=identifiers
            ),
            lambda: desk.interactions.unlink(interaction, reason=WHY),
            lambda: desk.identifiers.share(a, value, reason=WHY),
            lambda: desk.identifiers.transfer(a, value, from_contact_id=b, reason=WHY),
            lambda: desk.identifiers.add(a, value, verified=one % 2 == 0),
            lambda: desk.identifiers.release(a, value, reason=WHY),
            lambda: desk.contacts.edit(a, set={"city": f"Town {one}"}),
            lambda: desk.notes.add(a, f"Note {one}."),
            lambda: self.engine.reevaluate(),
            lambda: desk.telling_apart.tell(a, b, reason=WHY),
            lambda: desk.lifecycle.delete(a, reason=WHY),
            lambda: desk.lifecycle.restore(a, reason=WHY),
            lambda: desk.divisions.move(
                a, ("default", "north")[third % 2], reason=WHY, new_division=True
            ),
            lambda: desk.reviewing.confirm(interaction),
            lambda: desk.reviewing.undo(interaction),
            lambda: desk.cases.open(Origin("contact", a), Entry(note="Hers."), subject="An offer"),
            lambda: desk.interactions.create_contact(interaction, reason=WHY),
            lambda: self.note_in(interaction, f"Note {one}."),
            lambda: notes and desk.notes.change(notes[one % len(notes)], f"Now {other}."),
        ]
        with suppress(RuleViolation, UsageError, NotFound):
            done[kind]()
        self.look(a, b)

    def check(self):
        for (then, contact_id), shown in self.seen.items():
            assert self.shown(contact_id, then) == shown


def tell(events, done, rules=({}, {})):
    """Let a world arrive under one policy and then another, and people do things; ask again what was
    shown in between."""
    first, second = rules
    with Engine.in_memory(world(1, Clock())) as engine:
        centre = Centre(engine)
        half = len(events) // 2 + 1
        change_policy(engine, **first)
        engine.ingest(events[:half])
        engine.reevaluate()
        contacts = centre.ids("contact_id", "identity_contact")
        if not contacts:
            return
        centre.look(*contacts)
        change_policy(engine, **second)
        engine.ingest(events[half:])
        engine.reevaluate()
        for deed in done:
            centre.do(*deed)
        centre.check()
        engine.reevaluate()
        assert is_sound(engine)


@given(st.one_of(small_worlds(12), conversations()), deeds)
@examples(10, same=True)
def test_the_past_is_answered_as_it_was_then_and_a_preview_is_what_comes(events, done):
    tell(events, done)


@pytest.mark.slow
@given(st.one_of(small_worlds(20), conversations()), deeds)
@examples(80)
def test_it_is_in_many_more_worlds(events, done):
    tell(events, done)


@pytest.mark.slow
@given(st.one_of(crowds, conversations()), deeds, st.tuples(policies, policies))
@examples(25)
def test_it_is_under_any_rules(events, done, rules):
    tell(events, done, rules)
