"""Later evidence shows who is one: contacts are merged, links are moved, and every view follows."""

import csv

import pytest

from identity_engine import Engine
from tests.integration.resolving import ANNA, MAIL, arrive, facts, mailed
from tests.support.interactions import email, event, phone
from tests.support.world import world

SAID = ANNA | {"postcode": "10115", "city": "Berlin"}


@pytest.fixture
def engine():
    with Engine.in_memory(world()) as opened:
        yield opened


def form(id_, *identifiers, day=1, **said):
    """What somebody typed into a form, on a day of February."""
    return event(
        id_, *identifiers, channel="form", time=f"2026-02-{day:02}T09:00:00Z", profile=said
    )


def anna_twice(engine):
    """Anna is known by an address, and elsewhere by name; then one form names both."""
    return arrive(
        engine,
        form("1", email(MAIL), day=1),
        form("2", phone(), day=2, **SAID),
        form("3", email(MAIL), day=3, **SAID),
    )


def together(engine, folder):
    """The ids of the interactions that belong together, as the export shows them."""
    engine.export_links(folder / "links.csv")
    groups = {}
    with (folder / "links.csv").open() as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["contact_id"], set()).add(row["interaction_id"])
    return sorted(sorted(group) for group in groups.values())


def is_sound(engine):
    """Whether a replay agrees with the live index and with the live views."""
    engine.follow()
    return engine.verify_index().is_sound and all(view.is_sound for view in engine.verify())


def test_a_merged_contact_that_is_identified_on_arrival_stays_one_with_the_other(engine):
    first, second, _ = anna_twice(engine)
    engine.reevaluate()

    *_, last = arrive(engine, mailed("4"), mailed("5"))

    assert last.stage == "identified"
    assert engine.profile(second.contact_id).members == engine.profile(first.contact_id).members
    assert engine.counts() == {"identified": 1, "in review": 0}
    assert is_sound(engine)


class TestTheLineOfAFirm:
    LINE, MOBILE, TYPED = "+81335564239", "+819012345678", {"type": "customer_id", "value": "C-1"}

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["line first", "line last"])
    def test_only_the_line_stands_for_all_who_work_there(self, engine, tmp_path, order):
        calls = [
            event("1", phone(self.LINE), self.TYPED, profile=ANNA | {"organisation": "Acme"}),
            event("2", phone(self.MOBILE), self.TYPED),
        ]
        engine.ingest([calls[place] for place in order])

        engine.reevaluate()

        assert facts(engine, "identifier.shared") == []
        assert together(engine, tmp_path) == [["1", "2"]]

    def test_colleagues_who_call_from_it_stay_two(self, engine, tmp_path):
        arrive(
            engine,
            event("1", phone(self.LINE), profile={"full_name": "Anna Berger"}),
            event("2", phone(self.LINE), profile={"organisation": "Acme"}),
        )

        engine.reevaluate()

        assert [one.by for one in facts(engine, "identifier.shared")] == ["names"]
        assert together(engine, tmp_path) == [["1"], ["2"]]
        assert is_sound(engine)
