"""Records made in the CRM while an interaction is handled, and what is related to those of it."""

from datetime import timedelta

import pytest

from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.errors import Denied, RemoteError, UsageError
from tests.support.crm import arrives, connect, happens, topics
from tests.support.crm_servers import Rest, listening
from tests.support.soundness import is_sound
from tests.support.world import LATER, world

FORM = {"name": "Berger"}


@pytest.fixture
def server():
    with listening(Rest) as server:
        yield server


@pytest.fixture
def engine(server, clock, monkeypatch):
    with Engine.in_memory(world(clock=clock)) as engine:
        connect(engine, server, monkeypatch, may_create=["lead", "case"])
        yield engine
        assert is_sound(engine)


@pytest.fixture
def call(engine):
    return arrives(engine)


class TestCreating:
    def test_the_new_record_is_shown_with_its_address(self, engine, server, call):
        made = engine.desk.crm.create(call, "lead", FORM)
        assert (made.state, made.label) == ("created", "Berger")
        assert made.address == f"{server.url}/lead/{made.record_id}"
        assert engine.desk.crm.status(call).creations == [made]

    def test_it_is_linked_only_if_asked(self, engine, call):
        engine.desk.crm.create(call, "lead", FORM)
        assert engine.desk.crm.status(call).links == []
        made = engine.desk.crm.create(call, "case", {"title": "Bill"}, link=True)
        (link,) = engine.desk.crm.status(call).links
        assert (link.record_type, link.record_id, link.is_linked) == ("case", made.record_id, True)

    def test_a_type_that_no_administrator_enabled_is_refused(self, engine, server, call):
        with pytest.raises(Refused) as refused:
            engine.desk.crm.create(call, "account", FORM)
        assert refused.value.reason == "not_enabled"
        assert server.requests == []

    def test_once_the_interaction_is_over_nothing_is_made(self, engine, server, call):
        happens(engine, call, "accepted", "ended", "wrapped_up")
        with pytest.raises(Refused) as refused:
            engine.desk.crm.create(call, "lead", FORM)
        assert refused.value.reason == "not_handled"
        assert server.requests == []

    def test_a_refusal_is_shown_and_never_tried_again(self, engine, server, clock, call):
        server.fail_next = [(422, {}, b"")]
        made = engine.desk.crm.create(call, "lead", FORM)
        assert (made.state, made.failure) == ("failed", "refused")
        clock.set(LATER + timedelta(days=1))
        assert engine.desk.crm.work().created == 0
        assert not server.rows.tables["lead"]

    def test_what_became_of_it_is_unsure_so_it_is_made_once_by_the_worker(
        self, engine, server, clock, call
    ):
        server.fail_next = [(503, {}, b"")]
        made = engine.desk.crm.create(call, "lead", FORM, link=True)
        assert (made.state, made.failure) == ("waiting", "unavailable")
        clock.set(LATER + timedelta(days=1))
        assert engine.desk.crm.work().created == 1
        assert engine.desk.crm.work().created == 0
        (made,) = engine.desk.crm.status(call).creations
        assert (made.state, len(server.rows.tables["lead"])) == ("created", 1)
        assert topics(engine)[-2:] == ["record_created", "record_linked"]

    def test_an_answer_that_was_lost_makes_no_second_record(self, engine, server, clock, call):
        server.answer_then = [(200, {}, b"<html>")]  # made, and the answer garbled on its way
        made = engine.desk.crm.create(call, "lead", FORM)
        assert (made.state, made.failure) == ("waiting", "unreadable")
        clock.set(LATER + timedelta(days=1))
        engine.desk.crm.work()
        (made,) = engine.desk.crm.status(call).creations
        assert (made.state, len(server.rows.tables["lead"])) == ("created", 1)

    @pytest.mark.parametrize("fields", [{}, {"": "x"}, {"name": "x" * 10_001}])
    def test_a_form_that_is_none_is_refused(self, engine, server, call, fields):
        with pytest.raises(UsageError):
            engine.desk.crm.create(call, "lead", fields)
        assert server.requests == []

    def test_without_the_right_nothing_is_made(self, engine, server, call):
        engine.desk.administration.define_role("linker", ["crm:link", "contact:view"])
        engine.desk.administration.grant("agent-7", "linker")
        with pytest.raises(Denied):
            engine.acting_as("agent-7").crm.create(call, "lead", FORM)
        assert server.requests == []


class TestRelated:
    @pytest.fixture
    def family(self, engine, server, call):
        add = server.rows.add
        account = add("account", "id", name="Bergers")
        anna = add("contact", "id", name="Anna", account=account)
        max_ = add("contact", "id", name="Max", account=account)
        about = add("case", "id", title="Bill", contact=anna)
        engine.desk.crm.link(call, "case", about)
        return {"account": account, "anna": anna, "max": max_, "case": about}

    def test_the_person_comes_first(self, engine, call, family):
        found = engine.desk.crm.related(call)
        assert [one.id for one in found] == [family["anna"], family["account"], family["case"]]

    def test_the_household_is_a_setting_and_a_choice(self, engine, server, call, family):
        assert family["max"] not in {one.id for one in engine.desk.crm.related(call)}
        more = engine.desk.crm.related(call, household=True)
        assert family["max"] in {one.id for one in more}
        connect(engine, server, household=True)
        assert engine.desk.crm.related(call) == more

    def test_a_refresh_shows_what_was_made_meanwhile(self, engine, call, family):
        made = engine.desk.crm.create(call, "lead", FORM)
        assert made.record_id in {one.id for one in engine.desk.crm.related(call)}

    def test_a_row_expands_to_its_related_rows(self, engine, call, family):
        (case,) = engine.desk.crm.expand("contact", family["anna"])
        assert (case.type, case.label) == ("case", "Bill")

    def test_an_interaction_without_records_has_none(self, engine, server, call):
        assert engine.desk.crm.related(call) == []
        assert server.requests == []

    def test_a_failure_says_so(self, engine, server, call, family):
        server.fail_next = [(503, {}, b"")]
        with pytest.raises(RemoteError, match="not available"):
            engine.desk.crm.related(call)

    def test_what_was_unlinked_is_no_start(self, engine, call, family):
        engine.desk.crm.unlink(call, "case", family["case"])
        assert engine.desk.crm.related(call) == []
