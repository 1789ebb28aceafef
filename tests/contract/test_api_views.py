"""The views for readers by SQL say on both databases what the questions in Python answer."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregates.values import instant_text
from identity_engine.event_store.postgres.api import lay
from identity_engine.event_store.sqlite_files import connect
from projections.api.catalogue import API_OF_A_FILE, API_VIEWS
from projections.cases.query import find_cases
from projections.catalogue import PROJECTIONS
from projections.identity.query import find_identity, lineage_of
from projections.journey.query import interactions_in
from projections.profile.query import find_profile
from projections.review.projection import open_items
from projections.runner import Views
from projections.timeline.query import positions_of
from tests.contract.test_views_postgres import MOST, contacts, fed, on_postgres, streams
from tests.support.centre import PREFERRED, live

KNOWN = Path(__file__).with_name("api_v1.json")
"""Every column that was ever there."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        return live(tmp_path_factory.mktemp("centre"), monkeypatch)


class OnSqlite:
    """The views of a file."""

    def __init__(self, views):
        self.views = views
        views.connection.executescript(API_OF_A_FILE)

    def rows(self, name):
        """All rows of a view, as dictionaries."""
        cursor = self.views.connection.execute(f"SELECT * FROM api_v1_{name}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


class OnPostgres:
    """The views of a schema, laid over it; whoever asks may see all divisions."""

    def __init__(self, views):
        self.views = views
        self._raw = raw = views.connection.raw
        with raw.transaction():
            lay(raw, views.connection.schema)
        raw.execute("INSERT INTO identity_engine.division_reader VALUES ('postgres', '*')")

    def rows(self, name):
        """All rows of a view, as dictionaries; times and flags as SQLite has them."""
        cursor = self._raw.execute(f"SELECT * FROM api_v1.{name}")
        names = [column.name for column in cursor.description]
        return [
            {one: _plain(value) for one, value in zip(names, row, strict=True)} for row in cursor
        ]


def _plain(value):
    return instant_text(value.astimezone(UTC)) if isinstance(value, datetime) else value


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def api(request, lived):
    if request.param == "sqlite":
        with closing(connect(None)) as connection:
            yield OnSqlite(fed(Views(connection, PROJECTIONS), lived.events, 400))
    else:
        with on_postgres("pg_trgm") as views:
            yield OnPostgres(fed(views, lived.events, 400))


def by_contact(rows):
    found = {}
    for row in rows:
        found.setdefault(row["contact_id"], []).append(row)
    return found


def test_both_have_the_same_rows(lived):
    with closing(connect(None)) as connection, on_postgres("pg_trgm") as views:
        sqlite = OnSqlite(fed(Views(connection, PROJECTIONS), lived.events, 400))
        postgres = OnPostgres(fed(views, lived.events, 400))
        for view in API_VIEWS:
            first, second = (
                sorted(map(repr, (list(row.items()) for row in one.rows(view.name))))
                for one in (sqlite, postgres)
            )
            flags = {"True": "1", "False": "0"}
            for word, digit in flags.items():
                second = [row.replace(f", {word})", f", {digit})") for row in second]
            assert sorted(second) == first, view.name
            assert first, view.name


def test_columns_that_readers_know_stay():
    """A new one comes last, also in the file; none is renamed, moved or of another type."""
    known = json.loads(KNOWN.read_text())
    assert {
        view.name: [[column.name, column.type] for column in view.columns] for view in API_VIEWS
    } == known, "only ever add to api_v1.json, at the end of a view"


@pytest.mark.parametrize("view", API_VIEWS, ids=lambda one: one.name)
def test_columns_are_those_of_the_catalogue(view, api):
    assert [*api.rows(view.name)[0]] == [column.name for column in view.columns]


def test_every_id_ever_given_answers_with_what_stands_for_it(api, lived):
    rows = {row["contact_id"]: row for row in api.rows("contacts")}
    assert rows.keys() == set(contacts(lived))
    merged = set()
    for id_, row in rows.items():
        identity = find_identity(api.views.connection, id_)
        is_replaced = identity.canonical_id != id_
        merged |= {id_} if is_replaced else set()
        assert row["replaced_by"] == (identity.canonical_id if is_replaced else None)
        told = (row["division"], row["presence"], row["gone_since"], row["stage"])
        assert told == (identity.division, identity.presence, identity.since, identity.stage)
        assert (row["first_seen"], row["members"]) == (identity.first_seen, len(identity.members))
    assert merged
    assert {row["stage"] for row in rows.values()} == {"ephemeral", "identified", "curated"}
    assert {row["presence"] for row in rows.values()} == {"live", "deleted"}


def test_values_come_in_the_order_of_the_profile(api, lived):
    found = {}
    rows = by_contact(api.rows("contact_values"))
    for id_, values in rows.items():
        for row in sorted(values, key=lambda one: one["rank"]):
            found.setdefault(id_, {}).setdefault(row["field"], []).append(row["value"])
    several = 0
    for id_ in contacts(lived):
        profile = find_profile(api.views.connection, id_, PREFERRED)
        shown = {name: list(values) for name, values in profile.values.items()}
        assert found.get(id_, {}) == (shown if profile.contact_id == id_ else {})
        several += sum(len(values) > 1 for values in shown.values())
        for row in rows.get(id_, ()):
            (value,) = [v for v in profile.fields[row["field"]] if v.value == row["value"]]
            said = [one for one in value.origins if one.interaction_id is not None]
            assert row["interactions"] == len(said)
            assert row["last_said"] == max(one.time for one in value.origins)
    assert several > 5


def test_a_source_that_the_policy_prefers_comes_first(lived):
    """As the policy in force says, and as it says no longer."""
    with closing(connect(None)) as connection:
        api = OnSqlite(fed(Views(connection, PROJECTIONS), lived.events, 400))
        sources = {
            one.source
            for id_ in contacts(lived)
            for some in find_profile(connection, id_).fields.values()
            for value in some
            for one in value.origins
            if one.source is not None
        }
        for preferred in (sorted(sources), sorted(sources, reverse=True)):
            connection.execute("DELETE FROM sources_preferred")
            connection.executemany(
                "INSERT INTO sources_preferred VALUES ('one', ?, ?, TRUE)",
                [(source, place) for place, source in enumerate(preferred)],
            )
            firsts = {
                (row["contact_id"], row["field"]): row["value"]
                for row in api.rows("contact_values")
                if row["rank"] == 1
            }
            for (id_, name), value in firsts.items():
                assert find_profile(connection, id_, preferred).values[name][0] == value


def test_identifiers_are_those_of_the_profile(api, lived):
    rows = by_contact(api.rows("identifiers"))
    names = (
        "identifier_id", "type", "scope", "value", "verified", "shared", "valid_from",
        "valid_to", "interaction_id", "label",
    )  # fmt: skip
    for id_ in contacts(lived):
        profile = find_profile(api.views.connection, id_, PREFERRED)
        held = profile.identifiers if profile.contact_id == id_ else ()
        expected = [(*(getattr(one, name) for name in names), one.primary) for one in held]
        found = [(*(row[name] for name in names), row["is_primary"]) for row in rows.get(id_, ())]
        assert sorted(found, key=repr) == sorted(
            [tuple(one) for one in _as_stored(expected, found)], key=repr
        )
    assert any(row["is_primary"] for some in rows.values() for row in some)
    assert any(row["valid_to"] for some in rows.values() for row in some)


def _as_stored(expected, found):
    """Flags as the database gives them."""
    kind = type(found[0][4]) if found else bool
    return [tuple(kind(x) if isinstance(x, bool) else x for x in one) for one in expected]


def test_interactions_are_as_they_stand(api):
    rows = {row["interaction_id"]: row for row in api.rows("interactions")}
    views = interactions_in(api.views.connection, None, MOST)
    assert rows.keys() == {one.interaction_id for one in views}
    for one in views:
        row = rows[one.interaction_id]
        assert (
            row["contact_id"], row["division"], row["source"], row["source_id"], row["channel"],
            row["direction"], row["time"], row["session"], row["state"], row["agent"],
            row["last_change"],
        ) == (
            one.contact_id, one.division, one.source, one.id, one.channel, one.direction, one.time,
            one.session, one.state, one.agent, one.last,
        )  # fmt: skip
    assert {row["state"] for row in rows.values()} > {"open", "wrapped_up"}
    changes = api.rows("interaction_changes")
    assert len(changes) == sum(len(one.changes) for one in views) > 0


def test_cases_are_those_of_the_list(api):
    rows = {row["number"]: row for row in api.rows("cases")}
    views = find_cases(api.views.connection, limit=MOST)
    assert rows.keys() == {one.number for one in views}
    for one in views:
        row = rows[one.number]
        for name in ("case_id", "contact_id", "division", "state", "reason", "disposition",
                     "subject", "agent", "queue", "opened", "changed"):  # fmt: skip
            assert row[name] == getattr(one, name)


def test_the_timeline_holds_what_the_history_tells(api, lived):
    rows = by_contact(api.rows("timeline"))
    for id_ in contacts(lived):
        identity = find_identity(api.views.connection, id_)
        if identity.canonical_id == id_ and not lineage_of(api.views.connection, id_):
            told = set(positions_of(api.views.connection, [id_]))
            # Some of a case's events are its notes, which are no change of it.
            assert {row["position"] for row in rows.get(id_, ())} <= told
    cases = {row["about"] for some in rows.values() for row in some} & set(
        streams(lived, "case.opened")
    )
    assert cases


def test_merges_are_those_of_the_lineage(api, lived):
    rows = {(row["merge_id"], row["one"], row["other"]): row for row in api.rows("merges")}
    edges = {
        (edge.merge_id, edge.one, edge.other): edge
        for id_ in contacts(lived)
        for edge in lineage_of(api.views.connection, id_)
    }
    assert rows.keys() == edges.keys()
    for key, edge in edges.items():
        row = rows[key]
        for name in ("automatic", "made_at", "made_by", "undone_at", "undone_by"):
            assert row[name] == getattr(edge, name)
        assert row["in_force"] == (edge.undone_at is None)
    assert {row["in_force"] for row in rows.values()} == {True, False}


def test_reviews_are_the_open_items(api):
    rows = api.rows("reviews")
    names = ("kind", "interaction_id", "contact_id", "proposed", "weight", "rule", "guard")
    expected = [
        (*(getattr(one, name) for name in names), one.deferred, one.valid_from)
        for one in open_items(api.views.connection, MOST)
    ]
    found = [(*(row[name] for name in names), bool(row["deferred"]), row["time"]) for row in rows]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert {row["kind"] for row in rows} >= {"interaction", "unlinked"}
