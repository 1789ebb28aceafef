"""Which verbs begin a store, and what all others say where there is none: every verb is walked."""

from typing import get_args

import orjson
import pytest

from identity_engine import Engine
from identity_engine.application.rules import shipped_policy
from matchers.models import shipped_model
from tests.acceptance.commands import EVENTS, lines
from tests.architecture.test_docs import generate

NOBODY = "019b1c3e-7c5a-7000-8000-0123456789ab"
VERBS = {typed.removeprefix("identity-engine "): verb for typed, verb in generate.verbs()}
WITH_STORE = {
    typed: verb
    for typed, verb in VERBS.items()
    for one in verb.assemble_argument_collection(parse_docstring=True)
    if one.show and one.names[0] == "--store"
}

BEGIN = {
    "ingest": ("traffic.jsonl",),
    "contact create": ("--set", "full_name=Anna"),
    "contact enrich": ("records.jsonl",),
    "policy activate": ("policy.json",),
    "model activate": ("model.json",),
    "admin configure": ("settings.json",),
    "admin role": ("reader", "contact:view"),
    "admin grant": ("kim", "agent"),
}
"""Verbs that may come first in the life of a store, with what to type."""
BEGINS_BY_WORKING = "consume"
"""It may come first too, and takes a broker: `tests/acceptance/test_cli_kafka.py`."""
NEEDS_NO_STORE = {"doctor", "settings show", "settings check"}
ON_POSTGRES = {"store migrate", "store grant", "store revoke", "store readers"}

TYPED = {
    "augment apply": ("ID", "--source", "s", "--record", "r", "--all"),
    "case state": ("C-000001", "open"),
    "contact edit": ("ID", "--set", "city=Ulm"),
    "contact merge": ("ID", "ID", "--reason", "x"),
    "contact unmerge": ("ID", "--reason", "x"),
    "crm create": ("ID", "lead", "--field", "name=Anna"),
    "model train": ("--out", "out.json"),
    "publish": ("--topic", "t", "--bootstrap-servers", "127.0.0.1:9"),
    "rehearse": ("--policy", "policy.json"),
    "store grant": ("kim", "--all-divisions"),
    "store revoke": ("kim", "--all-divisions"),
}
"""What to type where a word for each required parameter is not enough."""


def words(typed):
    """What to type behind a verb: something for each parameter that it needs."""
    if typed in TYPED or typed in BEGIN:
        return TYPED.get(typed) or BEGIN[typed]
    needed = [one for one in WITH_STORE[typed].assemble_argument_collection() if one.required]
    return [word for one in needed for word in _said(one)]


def _said(argument):
    is_number = int in (argument.hint, *get_args(argument.hint))
    value = (argument.get_choices() or ["1" if is_number else NOBODY])[0]
    name = argument.names[0]
    return (name, value) if name.startswith("--") else (value,)


@pytest.fixture
def typing(cli, monkeypatch):
    """Types a verb in a folder with the files that it may read."""
    monkeypatch.chdir(cli.folder)
    cli.write("traffic.jsonl", lines(EVENTS))
    record = {"identifiers": [{"type": "email", "value": "a@b.org"}], "fields": {"city": "Ulm"}}
    cli.write("records.jsonl", orjson.dumps({"operation": "insert", **record}))
    cli.write("policy.json", shipped_policy())
    cli.write("model.json", shipped_model("person"))
    cli.write("settings.json", b'{"format": 1, "name": "ours"}')
    return lambda verb, *more: cli(*verb.split(), *words(verb), *more)


@pytest.mark.parametrize(
    "verb", sorted(WITH_STORE.keys() - BEGIN.keys() - {BEGINS_BY_WORKING} - NEEDS_NO_STORE)
)
def test_a_verb_that_begins_no_store_says_that_there_is_none(cli, typing, verb):
    answer = typing(verb)
    said = (
        "Only a store on PostgreSQL"
        if verb in ON_POSTGRES
        else f"There is no store in {cli.store}."
    )
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith(f"error: {said}")  # below the logbook of a worker
    assert not cli.store.exists()


@pytest.mark.parametrize("verb", sorted(NEEDS_NO_STORE))
def test_a_verb_about_the_surroundings_makes_no_store(cli, typing, verb):
    typing(verb)
    assert not cli.store.exists()


@pytest.mark.parametrize("verb", sorted(BEGIN))
def test_a_verb_that_may_come_first_begins_a_store(cli, typing, verb):
    assert typing(verb).code == 0
    assert cli.store.exists()


@pytest.mark.parametrize("verb", sorted(BEGIN.keys() - {"ingest"}))
def test_a_verb_that_begins_a_store_says_so_once_and_beside_the_answer(cli, typing, verb):
    first, second = typing(verb, "--json"), typing(verb, "--json")
    made = f"There was no store in {cli.store}; a new one is made. "
    assert first.err == f"{made}If you meant another, name it with --store.\n"
    assert made not in first.out
    assert second.err == ""


def test_a_store_that_could_not_be_begun_is_not_said_to_be(cli, typing):
    cli.store.write_bytes(b"")
    (told,) = typing("contact create").err.splitlines()
    assert told.startswith(f"error: {cli.store} is no folder")


@pytest.mark.parametrize("verb", sorted(BEGIN.keys() - {"ingest"}))
def test_a_dry_run_begins_no_store(cli, typing, verb):
    answer = typing(verb, "--dry-run")
    assert (answer.code, answer.err.startswith("error: There is no store")) == (2, True)
    assert not cli.store.exists()


def test_a_store_is_copied_from_one_that_is_there(cli):
    answer = cli.bare("store", "copy", cli.store, cli.folder / "copy")
    assert answer.err.startswith(f"error: There is no store in {cli.store}.")
    assert not cli.store.exists()


@pytest.mark.parametrize("kind", ["policy", "model"])
def test_what_a_new_store_starts_with_is_shown_without_one(cli, kind):
    Engine.open(cli.store).close()
    in_force = cli(kind, "show", "--json").document
    assert cli.bare(kind, "show", "--shipped", "--json").document == in_force
