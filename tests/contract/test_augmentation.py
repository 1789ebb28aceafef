"""What every source of augmentation promises, held to it on a real folder and over real HTTP."""

import json
from contextlib import contextmanager
from typing import ClassVar

import pytest

from aggregates.settings import AugmentationSource as SourceSettings
from identity_engine.adapters.augmentation_csv import CsvSource
from identity_engine.bootstrap import connect_source
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.observing.logbook import heard_by
from identity_engine.ports.augmentation import Named
from tests.support import crm_servers as servers
from tests.support.monitoring import Heard

ANNA = {
    "id": "r-1",
    "identifiers": [
        {"type": "phone", "value": "+81312345678"},
        {"type": "email", "value": "anna@example.org"},
    ],
    "fields": {"city": "Tokyo", "occupation": ["teacher", "writer"]},
}
KENTA = {"id": "r-2", "identifiers": [{"type": "phone", "value": "+81312349999"}], "fields": {}}
TYPES = ("phone", "email")
BY_PHONE = Named("phone", "+81312345678")


def folded(type_, value):
    return value.replace("-", "").replace("03", "+813", 1) if type_ == "phone" else value.lower()


class Registry:
    """A source that answers by docs/reference/augmentation.md."""

    unauthorised: ClassVar = {"error": "unauthorised"}
    records = (ANNA, KENTA)

    @staticmethod
    def is_login(_):
        return False

    @classmethod
    def answer(cls, server, method, path, query, body):
        asked = [(one["type"], one["value"]) for one in body["identifiers"]]
        found = [
            record
            for record in cls.records
            if any((one["type"], one["value"]) in asked for one in record["identifiers"])
        ]
        return 200, {"records": found}


class OverHttp:
    """A source behind HTTP, and how it is broken."""

    def __init__(self, server):
        self.server = server
        self.settings = SourceSettings(
            name="registry",
            kind="http",
            url=f"{server.url}/people",
            identifier_types=("phone", "email"),
            token_env="REGISTRY_TOKEN",
            allow_private=True,
        )

    def go_away(self):
        self.server.close()

    def garble(self):
        self.server.fail_next = [(200, {}, json.dumps({"records": [{"name": "Anna"}]}).encode())]

    @classmethod
    @contextmanager
    def running(cls, _):
        with servers.listening(Registry) as server:
            yield cls(server)


class InFolder:
    """A source in a folder, and how it is broken."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = SourceSettings(
            name="directory",
            kind="csv",
            folder=str(folder),
            identifier_types=("phone", "email"),
        )

    def go_away(self):
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()

    def garble(self):
        (self.folder / "more.csv").write_bytes(b"id,phone\n\xff\xfe,1\n")

    @classmethod
    @contextmanager
    def running(cls, tmp_path):
        folder = tmp_path / "directory"
        folder.mkdir()
        (folder / "people.csv").write_text(
            "id,phone,email,city,occupation\n"
            "r-1,03-1234-5678,Anna@example.org,Tokyo,teacher | writer\n"
            "r-2,03-1234-9999,,,\n"
        )
        yield cls(folder)


@pytest.fixture(params=[OverHttp, InFolder], ids=["http", "csv"])
def place(request, tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_TOKEN", servers.TOKEN)
    with request.param.running(tmp_path) as place:
        yield place


@pytest.fixture
def source(place):
    source = connect_source(place.settings, TYPES, folded)
    yield source
    source.close()


class TestEverySource:
    def test_a_record_comes_with_its_identifiers_and_values(self, source):
        (found,) = source.look_up([BY_PHONE])

        assert set(found.identifiers) == {BY_PHONE, Named("email", "anna@example.org")}
        assert found.reference == "r-1"
        assert found.fields == {"city": ("Tokyo",), "occupation": ("teacher", "writer")}

    def test_one_matching_identifier_is_enough(self, source):
        asked = [Named("phone", "+81300000000"), Named("email", "anna@example.org")]
        assert [one.reference for one in source.look_up(asked)] == ["r-1"]

    def test_several_records_stand_apart(self, source):
        found = source.look_up([BY_PHONE, Named("phone", "+81312349999")])
        assert [one.reference for one in found] == ["r-1", "r-2"]

    def test_no_record_is_an_empty_answer(self, source):
        assert source.look_up([Named("phone", "+81399999999")]) == []

    def test_a_source_that_is_gone_fails_and_does_not_answer_with_nothing(self, place, source):
        place.go_away()
        with pytest.raises(RemoteError) as failure:
            source.look_up([BY_PHONE])
        assert (failure.value.reason, failure.value.may_pass) == ("unreachable", True)

    def test_a_source_that_cannot_be_read_fails_and_does_not_answer_with_nothing(
        self, place, source
    ):
        place.garble()
        with pytest.raises(RemoteError) as failure:
            source.look_up([BY_PHONE])
        assert failure.value.reason == "unreadable"


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_TOKEN", servers.TOKEN)
    with OverHttp.running(tmp_path) as place:
        yield place


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "not_found"), (429, "throttled"), (500, "unavailable"), (301, "redirected")],
)
def test_a_status_of_failure_is_never_no_data(registry, status, reason):
    registry.server.fail_next = [(status, {"Location": "/elsewhere"}, b"")]
    source = connect_source(registry.settings, TYPES, folded)
    with pytest.raises(RemoteError) as failure:
        source.look_up([BY_PHONE])
    source.close()
    assert failure.value.reason == reason


def test_a_record_that_cannot_be_read_hides_no_other(registry):
    odd = [{"id": None}, {"fields": {}}, "r-9"]
    said = json.dumps({"records": [*odd, {"id": "r-1", "fields": {"city": "Osaka"}}]}).encode()
    registry.server.fail_next = [(200, {}, said), (200, {}, json.dumps({"records": odd}).encode())]
    source = connect_source(registry.settings, TYPES, folded)
    heard = Heard()
    with heard_by(heard):
        assert [one.reference for one in source.look_up([BY_PHONE])] == ["r-1"]
        with pytest.raises(RemoteError) as failure:
            source.look_up([BY_PHONE])
    source.close()

    assert failure.value.reason == "unreadable"
    assert [(event, told["count"]) for event, told in heard.told()] == [("records_unreadable", 3)]


ODD_VALUES = {
    "nothing": {"city": None},
    "an object": {"city": {"name": "Ulm"}},
    "an empty text": {"city": ""},
    "true": {"city": True},
    "a list within": {"city": [["Ulm"], "Osaka"]},
}


@pytest.mark.parametrize("odd", ODD_VALUES.values(), ids=ODD_VALUES)
def test_a_value_that_is_no_text_hides_no_other(registry, odd):
    said = {"id": 17, "identifiers": [{"type": "email"}, None], "fields": {"postcode": 10115} | odd}
    registry.server.fail_next = [(200, {}, json.dumps({"records": [said]}).encode())]
    source = connect_source(registry.settings, TYPES, folded)
    (found,) = source.look_up([BY_PHONE])
    source.close()

    assert (found.reference, found.identifiers) == ("17", ())
    known = {"postcode": ("10115",)}
    assert found.fields == (known | {"city": ("Osaka",)} if "Osaka" in str(odd) else known)


def test_more_records_than_anybody_reads_are_too_many(registry):
    said = json.dumps({"records": [{"id": n} for n in range(51)]}).encode()
    registry.server.fail_next = [(200, {}, said)]
    source = connect_source(registry.settings, TYPES, folded)
    with pytest.raises(RemoteError) as failure:
        source.look_up([BY_PHONE])
    source.close()
    assert failure.value.reason == "too_large"


def test_a_row_that_nothing_names_hides_no_other(tmp_path):
    rows = "id,phone,city\n,+81312345678,Ulm\nr-1,+81312345678,Osaka\n"
    (tmp_path / "people.csv").write_text(rows)
    (found,) = CsvSource("it", tmp_path, TYPES, folded).look_up([BY_PHONE])
    assert found.reference == "r-1"


def test_no_identifier_stands_in_an_address(registry):
    source = connect_source(registry.settings, TYPES, folded)
    source.look_up([BY_PHONE])
    source.close()
    assert [path for _, path, _ in registry.server.requests] == ["/people"]


def test_a_private_address_needs_leave(registry):
    source = connect_source(
        registry.settings.model_copy(update={"allow_private": False}), TYPES, folded
    )
    with pytest.raises(RemoteError) as failure:
        source.look_up([BY_PHONE])
    source.close()
    assert (failure.value.reason, registry.server.requests) == ("private_address", [])


def test_a_token_that_is_not_there_is_named(registry, monkeypatch):
    monkeypatch.delenv("REGISTRY_TOKEN")
    with pytest.raises(ConfigurationError, match="REGISTRY_TOKEN is not set"):
        connect_source(registry.settings, TYPES, folded)


def test_a_source_needs_the_place_of_its_kind():
    with pytest.raises(ValueError, match="needs folder"):
        SourceSettings(name="a", kind="csv", url="https://a.example", identifier_types=("phone",))
