"""Whatever an operation refuses is refused in an error of the tree."""

import inspect
from contextlib import suppress

import pytest

from aggregates import errors as rules
from identity_engine import Engine, IdentityEngineError
from identity_engine.application.cases.entry import Entry, MailDraft, Origin
from identity_engine.application.operations.augmentation.applying import Choice
from identity_engine.application.operations.contacts.editing import NewIdentifier
from identity_engine.application.operations.desk import Desk
from identity_engine.application.operations.enrichment.record import Enrichment
from identity_engine.application.operations.values.claiming import Value
from identity_engine.application.permissions import action_of
from identity_engine.errors import AlreadyDone, InvalidContent, NotYet, Refused, UsageError
from tests.support.interactions import email, event, phone
from tests.support.working_on_cases import ANNA
from tests.support.world import world

UNKNOWN = "019b1c3e-7c5a-7000-8000-0123456789ab"
GIVEN = ["unknown", "contact", "interaction", "case", "rubbish", "nothing"]
ELSEWHERE = {("publishing", "run"), ("enriching", "enrich_file"), ("reading", "export_links")}
"""They work on what lies outside of the store."""

OPERATIONS = [
    (part, name)
    for part, operations in vars(Desk(None)).items()
    for name, method in inspect.getmembers(type(operations), inspect.isfunction)
    if action_of(method) is not None and (part, name) not in ELSEWHERE
]


@pytest.fixture(scope="module")
def engine():
    with Engine.in_memory(world()) as engine:
        yield engine


@pytest.fixture(scope="module")
def given(engine):
    """What is given as the name of anything, by what it is."""
    (one,) = engine.ingest([event("call", phone(), email(ANNA))])
    case = engine.desk.cases.open(Origin("contact", one.contact_id), Entry(note="x")).number
    return {
        "unknown": UNKNOWN,
        "contact": one.contact_id,
        "interaction": one.interaction_id,
        "case": case,
        "rubbish": "\0 ;--",
        "nothing": "",
    }


def filled(parameter, text):
    """Return an argument for a parameter that has to be given."""
    if parameter.name == "reason":
        return "Checked by telephone."
    values = {
        str: text,
        int: 1,
        bytes: b"{}",
        Value: Value("email", text),
        Entry: Entry(note="x", contact_note="y"),
        MailDraft: MailDraft("x"),
        Origin: Origin("case", text),
        Enrichment: Enrichment(
            "upsert", [NewIdentifier(Value("email", text))], {"given_name": [text]}
        ),
    }
    by_name = {
        "kind": "policy",
        "choices": [Choice("crm", text)],
        "fields": {"Subject": text},
        "actions": [text],
        "contact_ids": [text, UNKNOWN],
        "ids": [1, 99],
    }
    return by_name[parameter.name] if parameter.name in by_name else values[parameter.annotation]


def parameters_of(part, name):
    return inspect.signature(getattr(type(getattr(Desk(None), part)), name)).parameters


def arguments_of(operation, text):
    """Return what an operation has to be given."""
    return {
        one.name: filled(one, text)
        for one in inspect.signature(operation).parameters.values()
        if one.default is inspect.Parameter.empty
    }


@pytest.mark.parametrize("named", GIVEN)
@pytest.mark.parametrize(("part", "name"), OPERATIONS, ids=".".join)
def test_an_operation_answers_or_refuses_in_the_tree(engine, given, part, name, named):
    operation = getattr(getattr(engine.desk, part), name)
    words = arguments_of(operation, given[named])
    if "dry_run" in inspect.signature(operation).parameters:
        words["dry_run"] = True
    with suppress(IdentityEngineError):
        operation(**words)


def test_a_refusal_of_the_rules_keeps_its_code_and_its_text(engine, given):
    with pytest.raises(NotYet, match="was not promoted"):
        engine.desk.contacts.undo_promotion(given["contact"])
    with pytest.raises(Refused, match="Only a closed case") as refused:
        engine.desk.cases.follow_up(given["case"], Entry(note="x"))
    assert refused.value.reason == "not_closed"
    assert isinstance(refused.value, rules.Refused)
    with pytest.raises(AlreadyDone, match="linked to that contact already"):
        engine.desk.interactions.associate(
            given["interaction"], given["contact"], reason="Checked."
        )


@pytest.mark.parametrize("content", ["policy", "model"])
def test_a_content_that_is_not_valid_is_refused_with_every_fault(engine, content):
    with pytest.raises(InvalidContent) as rehearsed:
        engine.rehearse(**{content: b"{}"})
    with pytest.raises(InvalidContent) as activated:
        engine.desk.administration.activate(content, b"{}")
    assert len(rehearsed.value.faults) > 1
    assert all(one in str(activated.value) for one in rehearsed.value.faults)


class TestWhatCannotBeAnswered:
    @pytest.mark.parametrize("limit", [0, -1, 10**10, "5", None, True])
    @pytest.mark.parametrize(
        ("part", "name"),
        [one for one in OPERATIONS if "limit" in parameters_of(*one)],
        ids=".".join,
    )
    def test_a_limit_that_is_none_is_refused_everywhere(self, engine, given, part, name, limit):
        operation = getattr(getattr(engine.desk, part), name)
        words = arguments_of(operation, given["contact"]) | {"limit": limit}
        with pytest.raises(UsageError, match="limit is a whole number from 1"):
            operation(**words)

    def test_a_limit_is_checked_by_its_place_too(self, engine):
        with pytest.raises(UsageError, match="limit"):
            engine.review(-1)

    @pytest.mark.parametrize("id_", [None, 7, b"x"])
    @pytest.mark.parametrize(
        "call",
        [
            lambda engine, id_: engine.profile(id_),
            lambda engine, id_: engine.desk.reading_cases.show(id_),
            lambda engine, id_: engine.desk.cases.use(id_),
            lambda engine, id_: engine.desk.unmerging.preview(id_),
            lambda engine, id_: engine.acting_as(id_),
        ],
    )
    def test_an_id_that_is_no_text_is_wrong_usage(self, engine, call, id_):
        with pytest.raises(UsageError):
            call(engine, id_)

    @pytest.mark.parametrize(
        "call",
        [
            lambda engine: engine.search("durand", stages=("nonsense",)),
            lambda engine: engine.search("durand", presences=("nonsense",)),
            lambda engine: engine.desk.reading_cases.find(states=("nonsense",)),
            lambda engine: engine.desk.reading_cases.history(state="nonsense"),
            lambda engine: engine.desk.dead_letters.list("nonsense"),
            lambda engine: engine.history(UNKNOWN, language="nonsense"),
        ],
    )
    def test_a_word_that_stands_for_nothing_is_refused_with_those_that_do(self, engine, call):
        with pytest.raises(UsageError, match=r"no \w+ nonsense\. Choose one of"):
            call(engine)
