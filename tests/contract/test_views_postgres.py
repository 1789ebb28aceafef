"""The views on PostgreSQL hold the rows that SQLite holds, and answer every question alike."""

import importlib
import inspect
import pkgutil
import uuid
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from msgspec.structs import replace

import projections
from aggregates.values import instant_text
from identity_engine.event_store.postgres.dialect import PostgresConnection
from identity_engine.event_store.sqlite_files import connect
from projections.base import Recorded
from projections.cases import query as cases
from projections.catalogue import PROJECTIONS
from projections.crm import query as crm
from projections.identity import query as identity
from projections.identity.projection import ever_one_with
from projections.journey import query as journey
from projections.notes import query as notes
from projections.profile import query as profile
from projections.review import projection as review
from projections.runner import Views
from projections.search.query import is_field, search_contacts
from projections.sql import Connection
from projections.timeline import query as timeline
from tests.schemas.golden_facts import GOLDEN, HEADER
from tests.support.centre import live, partly_erased
from tests.support.postgres import shared_server

LATEST, MOST = datetime(2100, 1, 1, tzinfo=UTC), 10_000
SOUTH, NOWHERE = ("south",), ()
SCOPES = (None, SOUTH, NOWHERE)
WORDS = (
    *("an", "anna", "anna berg", "@", "80%", "_", "ar", "a\\b", "c-000001", "田"),
    *("dorason", "bonn", "koln", "81399990001", "example"),
)


@contextmanager
def on_sqlite():
    """Empty views in memory."""
    with closing(connect(None)) as connection:
        yield Views(connection, PROJECTIONS)


@contextmanager
def on_postgres(*extensions):
    """Empty views in a database of their own."""
    server = shared_server()
    address = server.database()
    with psycopg.connect(address, autocommit=True) as plain:
        plain.execute("CREATE SCHEMA views")
        for extension in extensions:
            plain.execute(f"CREATE EXTENSION {extension}")
    try:
        opened = PostgresConnection(lambda: psycopg.connect(address, autocommit=True), "views")
        with closing(opened) as connection:
            yield Views(connection, PROJECTIONS)
    finally:
        server.drop(address)


@contextmanager
def on_both(*extensions):
    """Empty views on SQLite, and on PostgreSQL."""
    with on_sqlite() as sqlite, on_postgres(*extensions) as postgres:
        yield sqlite, postgres


def fed(views, events, step):
    """Bring views forward by so many events at a time."""
    for start in range(0, len(events), step):
        views.feed(events[start : start + step])
    return views


@pytest.fixture(scope="module")
def remembered(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        return live(tmp_path_factory.mktemp("centre"), monkeypatch)


@pytest.fixture(scope="module", params=["all known", "partly erased"])
def lived(request, remembered):
    """What happened; where a part is erased, many a value is NULL."""
    if request.param == "all known":
        return remembered
    return remembered._replace(events=partly_erased(remembered.events))


@pytest.fixture(scope="module")
def both(lived):
    """The views of what happened, on SQLite and on PostgreSQL."""
    with on_both("pg_trgm") as (sqlite, postgres):
        yield fed(sqlite, lived.events, 61), fed(postgres, lived.events, 37)


def streams(lived, topic):
    """The streams in which a topic stands."""
    return sorted({one.stream_id for one in lived.events if topic == one.fact.TOPIC})


def named(lived, field):
    """What facts name in a field."""
    found = {getattr(one.fact, field, None) for one in lived.events}
    return sorted(found - {None})


def each(asked, things):
    """The answer about each thing that has one."""
    answers = {one: asked(one) for one in things}
    return {one: answer for one, answer in answers.items() if answer}


def contacts(lived):
    return streams(lived, "contact.created")


def interactions(lived):
    return streams(lived, "interaction.received")


def groups(views, lived):
    """The members of each identity."""
    return sorted({identity.find_identity(views, one).members for one in contacts(lived)})


QUESTIONS = {
    ever_one_with: lambda v, x: each(lambda one: ever_one_with(v, one), contacts(x)),
    identity.find_identity: lambda v, x: each(
        lambda one: identity.find_identity(v, one), contacts(x)
    ),
    identity.is_inhabited: lambda v, _: [identity.is_inhabited(v, one) for one in ("south", "x")],
    identity.gone_before: lambda v, _: [
        identity.gone_before(v, LATEST, scope, MOST) for scope in (None, ("north",), NOWHERE)
    ],
    identity.across_edges: lambda v, x: [
        each(lambda one: identity.across_edges(v, one, scope), contacts(x))  # noqa: B023
        for scope in SCOPES
    ],
    identity.merges_in_force: lambda v, x: each(
        lambda one: identity.merges_in_force(v, one), groups(v, x)
    ),
    identity.stages_of_merged: lambda v, _: identity.stages_of_merged(v),
    identity.identities_by_stage: lambda v, _: [
        identity.identities_by_stage(v, scope) for scope in SCOPES
    ],
    identity.shared_values: lambda v, _: identity.shared_values(v, MOST),
    identity.lineage_of: lambda v, x: each(lambda one: identity.lineage_of(v, one), contacts(x)),
    identity.stream_of_merge: lambda v, x: each(
        lambda one: identity.stream_of_merge(v, one), named(x, "merge_id")
    ),
    identity.position_of_merge: lambda v, x: each(
        lambda one: identity.position_of_merge(v, one), named(x, "merge_id")
    ),
    profile.find_profile: lambda v, x: [
        profile.find_profile(v, one, ("//crm",)) for one in contacts(x)
    ],
    profile.contacts_linked_by: lambda v, x: each(
        lambda rule: profile.contacts_linked_by(v, rule, MOST),
        {one.fact.evidence.rule for one in x.events if one.fact.TOPIC == "interaction.linked"},
    ),
    profile.lying_elsewhere: lambda v, _: [profile.lying_elsewhere(v, s) for s in SCOPES[1:]],
    profile.links: lambda v, _: [list(profile.links(v, scope)) for scope in SCOPES],
    profile.names_of_ids: lambda v, _: list(profile.names_of_ids(v).items()),
    timeline.positions_of: lambda v, x: [
        [timeline.positions_of(v, one, until) for until in (None, 400)] for one in groups(v, x)
    ],
    timeline.entries_since: lambda v, x: each(
        lambda one: timeline.entries_since(v, one, 300), contacts(x)
    ),
    is_field: lambda v, _: [is_field(v, one) for one in ("email", "given_name", "nothing")],
    search_contacts: lambda v, _: [
        search_contacts(v, text, **how)
        for text in WORDS
        for how in (
            {},
            {"field": "email"},
            {"field": "note"},
            {"stages": ("curated",)},
            {"presences": ("deleted", "live")},
            {"divisions": SOUTH},
        )
    ],
    notes.notes_of: lambda v, x: [
        notes.notes_of(v, one, removed=removed) for one in groups(v, x) for removed in (True, False)
    ],
    notes.place_of: lambda v, x: each(lambda one: notes.place_of(v, one), named(x, "note_id")),
    notes.contacts_whose_notes_say: lambda v, _: each(
        lambda one: notes.contacts_whose_notes_say(v, f"%{one}%"),
        ("dienstag", "montag", "100 \\%", "leise"),
    ),
    review.open_items: lambda v, x: [
        list(review.open_items(v, MOST, proposed, scope))
        for proposed in (None, *named(x, "proposed"))
        for scope in SCOPES
    ],
    review.count_open: lambda v, _: [review.count_open(v, scope) for scope in SCOPES],
    review.refused_merges: lambda v, _: [
        list(review.refused_merges(v, MOST, scope)) for scope in SCOPES
    ],
    cases.contact_of_case: lambda v, _: each(
        lambda one: cases.contact_of_case(v, one), range(1, 50)
    ),
    cases.numbers_of: lambda v, x: each(lambda one: cases.numbers_of(v, one), groups(v, x)),
    cases.find_cases: lambda v, x: [
        cases.find_cases(v, limit=MOST, **how)
        for how in (
            {},
            {"members": contacts(x)[:50]},
            {"queue": "billing"},
            {"agent": "agent-7"},
            {"pinned_by": "local"},
            {"states": ("new", "resolved")},
            {"text": "rechnung 17"},
            {"text": "100 %"},
            {"text": "C-000001"},
            {"divisions": SOUTH},
        )
    ],
    cases.find_case: lambda v, x: [cases.find_case(v, one) for one in streams(x, "case.opened")],
    cases.division_of_case: lambda v, x: each(
        lambda one: cases.division_of_case(v, one), streams(x, "case.opened")
    ),
    cases.due_mails: lambda v, _: cases.due_mails(v, instant_text(LATEST)),
    cases.resolved_before: lambda v, _: cases.resolved_before(v, instant_text(LATEST)),
    cases.positions_of_changes: lambda v, x: [
        cases.positions_of_changes(v, limit=MOST, **how)
        for how in (
            {},
            {"case_id": x.cases[0]},
            {"state": "new"},
            {"actor": x.events[-1].header.actor},
            {"since": "2030", "until": "2031"},
            {"until": "2026-06"},
            {"divisions": SOUTH},
        )
    ],
    cases.composing: lambda v, _: [
        cases.composing(v, scope, agent)
        for scope in (None, ("north",), NOWHERE)
        for agent in ("owner", "nobody")
    ],
    journey.division_of: lambda v, x: [journey.division_of(v, one) for one in interactions(x)],
    journey.find_interaction: lambda v, x: [
        journey.find_interaction(v, one) for one in interactions(x)
    ],
    journey.interactions_in: lambda v, _: [
        journey.interactions_in(v, scope, MOST) for scope in SCOPES
    ],
    journey.interactions_given_to: lambda v, _: [
        journey.interactions_given_to(v, agent, scope, MOST)
        for agent in ("agent-7", "agent-8")
        for scope in SCOPES
    ],
    journey.was_given_to: lambda v, x: each(
        lambda one: journey.was_given_to(v, "agent-8", one), interactions(x)
    ),
    journey.interactions_of: lambda v, x: [journey.interactions_of(v, one) for one in groups(v, x)],
    crm.pending_write_back: lambda v, x: each(
        lambda one: crm.pending_write_back(v, one), groups(v, x)
    ),
    crm.tasks: lambda v, _: crm.tasks(v),
    crm.first_link: lambda v, _: crm.first_link(v),
    crm.linked_interactions: lambda v, x: crm.linked_interactions(v, interactions(x)),
    crm.written_interactions: lambda v, x: crm.written_interactions(v, contacts(x)),
    crm.never_due: lambda v, _: crm.never_due(v),
    crm.links_of: lambda v, x: [
        crm.links_of(v, one, scope)
        for one in (None, *streams(x, "crm.record_linked"))
        for scope in SCOPES
    ],
    crm.interaction_of: lambda v, x: [
        each(lambda one: crm.interaction_of(v, one, scope), named(x, "link_id"))  # noqa: B023
        for scope in SCOPES
    ],
    crm.creations_of: lambda v, x: [
        crm.creations_of(v, one, scope)
        for one in (None, *streams(x, "crm.creation_asked"))
        for scope in SCOPES
    ],
    crm.ledger: lambda v, x: [
        crm.ledger(v, one, scope)
        for one in (None, *streams(x, "crm.record_linked"))
        for scope in SCOPES
    ],
}
"""Each question that the views answer, asked about everything in the log."""


def told(answer):
    """Whether an answer says anything."""
    if isinstance(answer, list | tuple | dict | set):
        inner = answer.values() if isinstance(answer, dict) else answer
        return any(told(one) for one in inner)
    return bool(answer)


def test_no_question_is_left_out():
    answered = set()
    for module in pkgutil.walk_packages(projections.__path__, "projections."):
        if module.name != "projections.sql":
            answered |= {
                one
                for name, one in vars(importlib.import_module(module.name)).items()
                if inspect.isfunction(one) and one.__module__ == module.name and name[0] != "_"
                and next(iter(inspect.signature(one).parameters.values())).annotation is Connection
            }  # fmt: skip
    assert answered == set(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.__name__)
def test_both_answer_alike(question, both, lived):
    sqlite, postgres = (QUESTIONS[question](views.connection, lived) for views in both)
    assert told(sqlite)
    assert postgres == sqlite


def test_both_hold_the_same_rows(both):
    sqlite, postgres = both
    assert postgres.exact_hashes() == sqlite.exact_hashes()
    assert postgres.canonical_hashes() == sqlite.canonical_hashes()
    assert postgres.status() == sqlite.status()
    assert sqlite.parked_keys() == postgres.parked_keys() == []


def test_no_table_is_empty(both, lived):
    """Else what is said of both would be said of nothing."""
    for projection in PROJECTIONS:
        for table in projection.tables:
            for views in both:
                (count,) = views.connection.execute(f"SELECT COUNT(*) FROM {table.name}").fetchone()
                assert count, table.name


def test_both_take_every_fact_that_there_is():
    """Also those that nobody wrote above, and those that a projection cannot place."""
    events = [
        Recorded(
            position,
            str(uuid.UUID(int=hash_of(one.fact.TOPIC), version=4)),
            position,
            LATEST + timedelta(seconds=position),
            replace(HEADER, event_id=str(uuid.UUID(int=position, version=4))),
            one.fact,
        )
        for position, one in enumerate(GOLDEN, 1)
    ]
    with on_both() as (sqlite, postgres):
        fed(sqlite, events, 5)
        fed(postgres, events, 5)
        assert postgres.exact_hashes() == sqlite.exact_hashes()
        assert waiting(postgres) == waiting(sqlite)


def waiting(views):  # each database names its own error
    return [row[:3] for row in views.parked_keys()]


def hash_of(topic):
    """A number for what a topic is about, so that facts about one thing share a stream."""
    return int.from_bytes(topic.partition(".")[0].encode()[:16])


def test_what_parks_on_one_parks_on_the_other(lived):
    """A row that is there already is refused by both, and all else goes on."""
    again = [one for one in lived.events if one.fact.TOPIC == "interaction.received"][:3]
    moved = [replace(one, position=len(lived.events) + n) for n, one in enumerate(again, 1)]
    with on_both() as (sqlite, postgres):
        fed(sqlite, lived.events + moved, 500)
        fed(postgres, lived.events + moved, 500)
        assert waiting(sqlite)
        assert waiting(postgres) == waiting(sqlite)
        assert postgres.exact_hashes() == sqlite.exact_hashes()
        load = {one.position: one for one in moved}
        again = [one.redrive(lambda some: [load[n] for n in some]) for one in (sqlite, postgres)]
        assert again[0] == again[1] > 0
        assert [views.redrive(lambda _: []) for views in (sqlite, postgres)] == [0, 0]


@pytest.mark.parametrize("extensions", [(), ("pg_trgm",)], ids=["without", "with"])
def test_search_has_an_index_where_the_extension_is(extensions):
    with on_postgres(*extensions) as views:
        views.connection.executescript(
            "INSERT INTO search_value (contact_id, field, text, said) "
            "SELECT 'x', 'name', md5(CAST(n AS TEXT)), 1 FROM generate_series(1, 30000) n; "
            "VACUUM ANALYZE search_value"
        )
        plan = views.connection.execute(
            "EXPLAIN SELECT contact_id FROM search_value WHERE text LIKE '%c0ffee%'"
        ).fetchall()
    assert ("search_value_trigrams" in str(plan)) == bool(extensions)
