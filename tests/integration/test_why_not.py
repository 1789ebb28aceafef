"""Why-not says what re-evaluation would find, under the rules in force and after corrections."""

import pytest

from tests.support.interactions import customer, email, event, phone
from tests.support.resolving import change_channel

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
