"""Why-not says what re-evaluation would find, under the rules in force and after corrections."""

from datetime import UTC, datetime

import pytest

from identity_engine.application.explanation.sentences import LANGUAGES, sentences_in
from identity_engine.application.operations.values.claiming import Value
from tests.support.interactions import customer, email, event, phone
from tests.support.resolving import ANNA, arrive, change_channel

WHY = "It was his daughter."
OWN, MAIL = customer("C-1"), email("m@gmail.com", True)
WEAK = {**phone("+491701234567"), "verified": False}
BERLIN = {"city": "Berlin"}


def form(day, *identifiers, **profile):
    time = f"2026-02-{day:02}T09:00:00Z"
    return event(str(day), *identifiers, channel="form", time=time, profile=profile)


def evaluate_all(engine):
    engine.request_reevaluation()
    engine.reevaluate()


class TestARefusalOfOlderRules:
    """Anna writes from the mailbox of somebody who is called otherwise and lives in her town; that is
    known only of interactions which join that contact when it was refused to be hers."""

    @pytest.fixture
    def refused(self, engine):
        engine.ingest(
            [
                form(1, OWN, WEAK, MAIL),
                form(2, OWN, full_name="Kenta Yamada"),
                form(3, WEAK, **BERLIN),
                form(4, WEAK, **BERLIN),
                form(5, MAIL, full_name="Anna Berger", **BERLIN),
            ]
        )
        engine.reevaluate()
        (found,) = engine.refused_merges()
        assert engine.why_not(found.one, found.other).verdict == "order_of_joining"
        change_channel(engine, "fax", resolve=False)
        return found

    @pytest.mark.parametrize("evaluated", [False, True])
    def test_that_these_rules_find_again_is_told_as_theirs(self, engine, refused, evaluated):
        if evaluated:
            evaluate_all(engine)
        answer = engine.why_not(refused.one, refused.other)
        assert answer.verdict == "order_of_joining"
        assert answer.recorded.guard == "members_differ"
        assert "unlike the others" in answer.sentence


class TestACorrectedLink:
    """A daughter called from her father's number, and a person said so."""

    @pytest.fixture
    def called(self, engine):
        father, call = arrive(
            engine,
            event("1", phone(), profile=ANNA),
            event("2", phone(), time="2026-02-02T09:00:00Z"),
        )
        return father.contact_id, call.interaction_id

    @pytest.fixture
    def again(self, engine, clock):
        """Somebody calls from the number after that."""

        def call():
            clock.set(datetime(2030, 1, 1, 1, tzinfo=UTC))
            (outcome,) = arrive(engine, event("3", phone(), time="2030-01-01T00:30:00Z"))
            evaluate_all(engine)
            return outcome.contact_id

        return call

    def test_keeps_the_two_apart(self, engine, called):
        father, call = called
        daughter = engine.desk.interactions.create_contact(call, reason=WHY).contact_id
        evaluate_all(engine)
        answer = engine.why_not(father, daughter)
        assert answer.verdict == "corrected"
        assert "corrected" in answer.sentence
        assert "after all" in answer.tip

    def test_lets_the_value_lead_nobody_there(self, engine, called, again):
        father, call = called
        engine.desk.interactions.unlink(call, reason=WHY)
        assert engine.why_not(father, again()).verdict == "corrected"

    def test_that_was_ended_keeps_nobody_apart(self, engine, called, again):
        father, call = called
        engine.desk.interactions.unlink(call, reason=WHY)
        engine.desk.interactions.associate(call, father, reason=WHY)
        assert engine.why_not(father, again()).verdict == "already_one"

    def test_leaves_what_else_is_alike(self, engine, called, again):
        father, call = called
        engine.desk.interactions.unlink(call, reason=WHY)
        mine = event("4", phone(), OWN, time="2030-01-01T00:40:00Z", profile=ANNA)
        other = again()
        (alike,) = arrive(engine, mine)
        assert engine.why_not(father, alike.contact_id).verdict == "already_one"
        assert engine.why_not(father, other).verdict == "corrected"

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_is_told_in_every_language(self, engine, called, language):
        father, call = called
        daughter = engine.desk.interactions.create_contact(call, reason=WHY).contact_id
        answer, say = engine.why_not(father, daughter, language), sentences_in(language)
        assert answer.sentence == say.say("why_not.corrected")
        assert answer.tip == say.say("tip.corrected")


class TestAValueThatWentOn:
    """A number was released or given to somebody else, and means somebody else from then on."""

    @pytest.fixture
    def anna(self, engine):
        (anna,) = arrive(engine, event("1", phone(), profile=ANNA))
        return anna.contact_id

    def test_keeps_its_former_holder_apart_from_who_has_it_now(self, engine, clock, anna):
        clock.set(datetime(2030, 1, 1, 1, tzinfo=UTC))
        engine.desk.identifiers.release(anna, Value("phone", "+81312345678"), reason=WHY)
        clock.set(datetime(2030, 1, 1, 3, tzinfo=UTC))
        (caller,) = arrive(engine, event("2", phone(), time="2030-01-01T02:00:00Z"))
        evaluate_all(engine)
        answer = engine.why_not(anna, caller.contact_id)
        assert answer.verdict == "passed_on"
        assert "somebody else" in answer.sentence

    def test_still_joins_those_who_had_it_at_one_time(self, engine, clock, anna):
        clock.set(datetime(2030, 1, 1, 1, tzinfo=UTC))
        engine.desk.identifiers.release(anna, Value("phone", "+81312345678"), reason=WHY)
        (before,) = arrive(engine, event("2", phone(), time="2026-02-02T09:00:00Z"))
        evaluate_all(engine)
        assert engine.why_not(anna, before.contact_id).verdict == "already_one"
