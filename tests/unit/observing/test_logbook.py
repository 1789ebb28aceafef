"""The logbook says what the vocabulary knows, in two forms, and nothing that others say."""

import ast
import json
import logging
import re
from pathlib import Path

import pytest

from identity_engine.observing.logbook import Json, Logbook, Strictness, Text, heard_by, logged
from identity_engine.observing.vocabulary import EVENTS, FIELDS
from identity_engine.observing.waits import Waits
from identity_engine.settings.model import variable_of
from tests.support.monitoring import Heard

ROOT = Path(__file__).parents[3]
book = Logbook("identity_engine.of.a.test")


@pytest.fixture
def heard():
    handler = Heard()
    with heard_by(handler):
        yield handler


def test_a_line_for_programs_is_one_json_object(heard):
    book.info("batch_committed", accepted=3, seconds=0.25)
    line = json.loads(Json().format(heard.records[0]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("at"))
    assert line == {"level": "info", "event": "batch_committed", "accepted": 3, "seconds": 0.25}


def test_a_line_for_people_says_the_same(heard):
    book.warning("waiting", on="store", code="busy")
    assert Text().format(heard.records[0]).endswith(" WARNING waiting on=store code=busy")


def test_what_the_vocabulary_does_not_know_is_refused_in_tests(heard):
    with pytest.raises(ValueError, match="no field full_name"):
        book.info("batch_committed", full_name="Anna")
    with pytest.raises(ValueError, match="no event hello"):
        book.info("hello")
    with pytest.raises(ValueError, match="no word"):
        book.info("batch_committed", source="Anna Berger")
    assert heard.records == []


def test_what_the_vocabulary_does_not_know_is_left_out_in_production(heard, monkeypatch):
    monkeypatch.setattr(Strictness, "refuses", False)
    book.info("batch_committed", accepted=1, full_name="Anna", source="anna@example.org")
    assert heard.told() == [("batch_committed", {"accepted": 1, "source": "?"})]


def test_the_text_of_another_package_is_left_out(heard):
    logging.getLogger("kafka.net.manager").error("of %s", "Anna Berger")
    logging.getLogger("kafka").warning("this is no error")
    (record,) = heard.records
    line = Text().format(record) + Json().format(record)
    assert "foreign logger=kafka.net.manager place=test_logbook:" in line
    assert "Anna" not in line


def test_what_another_package_says_again_and_again_is_told_once_a_minute(capsys):
    name = "kafka.net.manager"
    with logged("consume", lasting=True):
        for second in range(61):
            record = logging.LogRecord(name, logging.ERROR, "m.py", 7, "of Anna", None, None)
            record.created = float(second)
            logging.getLogger(name).handle(record)
            book.warning("waiting", on="brokers", code="unreachable")
    told = [line for line in capsys.readouterr().err.splitlines() if " foreign " in line]
    assert len(told) == 2
    assert "count" not in told[0]
    assert told[1].endswith(" count=60")


def test_a_wait_is_told_once_and_so_is_its_end(heard):
    waits = Waits()
    waits.end("store")
    waits.begin("store", "busy")
    waits.begin("store", "busy")
    waits.end("store", "brokers")
    levels = [(one.levelname, one.event) for one in heard.records]
    assert levels == [("WARNING", "waiting"), ("DEBUG", "waiting"), ("INFO", "recovered")]


@pytest.mark.parametrize(
    ("level", "lasting", "written"),
    [(None, True, "started"), (None, False, ""), ("info", False, "started"), ("error", True, "")],
)
def test_a_lasting_verb_tells_that_it_works_and_another_only_what_goes_wrong(
    level, lasting, written, capsys, monkeypatch
):
    monkeypatch.setenv(variable_of("log.level"), level or "")
    with logged("consume", lasting=lasting):
        pass
    assert (written in capsys.readouterr().err) if written else not capsys.readouterr().err


def test_the_end_by_an_error_is_told_without_its_message(capsys):
    with pytest.raises(RuntimeError), logged("consume", lasting=True):
        raise RuntimeError("Anna Berger")
    err = capsys.readouterr().err
    assert re.search(r"failed verb=consume error=RuntimeError place=[a-z_.]+:\d+ ", err)
    assert "Anna" not in err


def test_a_setting_makes_lines_json(capsys, monkeypatch):
    monkeypatch.setenv(variable_of("log.format"), "json")
    with logged("consume", lasting=True):
        pass
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["started", "stopped"]


def _calls():
    """Yield (file, event, names of fields) of every call of a logbook in the product."""
    for file in sorted((ROOT / "identity_engine").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case (
                    ast.Call(func=ast.Attribute(value=ast.Name("book")))
                    | ast.Call(func=ast.Name("tell"), args=[ast.Constant(str())])
                ):
                    event = node.args[0]
                    assert isinstance(event, ast.Constant), f"{file}: an event is a name"
                    yield file.name, event.value, [one.arg for one in node.keywords]


def test_the_vocabulary_is_what_the_product_says_and_no_more():
    calls = list(_calls())
    assert {event for _, event, _ in calls} | {"foreign"} == EVENTS.keys()
    own = {name for _, _, names in calls for name in names}
    assert own | {"logger", "place"} == FIELDS.keys()


def test_nothing_of_the_product_logs_past_the_logbook():
    past = [
        str(file.relative_to(ROOT))
        for package in ("identity_engine", "projections", "matchers", "aggregates")
        for file in (ROOT / package).rglob("*.py")
        if "logging" in file.read_text("utf-8") and file.parent.name != "observing"
    ]
    assert past == ["identity_engine/monitoring/metrics.py"]  # it listens, and tells nothing
