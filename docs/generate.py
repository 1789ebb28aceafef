"""Writes the generated parts of the pages in this folder from the code that they describe.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. Without an argument the pages are
rewritten; with `--check` stale pages are named and the exit code is 1. A test calls `regenerated`.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import orjson
from cyclopts import App
from msgspec import Struct
from pydantic import BaseModel
from tables import default_of, doc, fields, kinds_of, range_of, row, stored_fields, table, type_of

from aggregates import policy
from aggregates.catalogue import FACTS
from aggregates.change import GivenIdentifier
from aggregates.values import (
    MAX_ID,
    CandidateEvidence,
    ComparisonEvidence,
    Erased,
    Evidence,
    Fact,
    Header,
    IdentifierClass,
    RefusalEvidence,
)
from identity_engine import errors as tree_of_errors
from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.application.rules import shipped_policy
from identity_engine.cli.app import app
from identity_engine.ingestion import faults, json_text
from identity_engine.ingestion.files import csv_mapping
from identity_engine.ingestion.wire import interaction as wire
from identity_engine.monitoring.metrics import METRICS
from identity_engine.observing import vocabulary
from identity_engine.publication.asyncapi import document
from identity_engine.publication.contracts import EVENTS, PROFILES, HeldIdentifier
from identity_engine.publication.translation import INTERNAL
from identity_engine.settings.model import fields_of, variable_of
from identity_engine.settings.publication import Publication
from projections.api.catalogue import API_VIEWS
from projections.api.view import ApiView

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

LIMITS = (
    ("one line", json_text.MAX_LINE, "bytes"),
    ("depth of the JSON text", json_text.MAX_DEPTH, "levels"),
    ("`source`, `id`, `division`, `session`, `scope`, correlation ids", MAX_ID, "characters"),
    ("one identifier `value`", wire.MAX_IDENTIFIER, "characters"),
    ("one `profile` or `mail` text", wire.MAX_VALUE, "characters"),
    ("`identifiers`", wire.MAX_IDENTIFIERS, "entries"),
    ("`profile`", wire.MAX_PROFILE_FIELDS, "fields"),
    ("one list of `mail`", wire.MAX_ADDRESSES, "entries"),
    ("`attributes` as JSON", wire.MAX_ATTRIBUTES, "bytes"),
    ("`time` ahead of the engine's clock", int(wire.CLOCK_SKEW.total_seconds()), "seconds"),
    ("faults listed for one event", faults.MAX_FAULTS, "faults"),
    ("a CSV mapping file", csv_mapping.MAX_MAPPING, "bytes"),
)

# A field without a meaning stops the generator.
POLICY_MEANINGS = orjson.loads((DOCS / "policy-meanings.json").read_bytes())


def regenerated(page: str) -> str:
    """Return the text of a page with every generated part as the code has it now.

    Raises:
        KeyError: a part has a name that nothing here writes.
    """
    return PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[3]}", page)


def pages() -> Iterator[Path]:
    """Yield every page of the documentation, in a stable order."""
    yield from sorted(DOCS.rglob("*.md"))


def verbs() -> Iterator[tuple[str, App]]:
    """Yield (verb as typed, its app) of every verb that does something."""
    yield from _verbs_of(app, "identity-engine")


def _verbs_of(parent: App, typed: str) -> Iterator[tuple[str, App]]:
    for name in parent:
        if name.startswith("-"):
            continue
        verb = parent[name]
        inner = list(_verbs_of(verb, f"{typed} {name}"))
        yield from inner or [(f"{typed} {name}", verb)]


def cli() -> str:
    """Return the verbs with their parameters."""
    return "\n".join(f"{_verb(typed, verb)}" for typed, verb in verbs())


def _verb(typed: str, verb: App) -> str:
    arguments = [one for one in verb.assemble_argument_collection(parse_docstring=True) if one.show]
    usage = " ".join([typed, *(_placed(one) for one in arguments if _is_positional(one))])
    lines = [f"### `{usage}`", "", _summary(verb), ""]
    lines += ["| option | meaning | default |", "|---|---|---|"]
    lines += [
        row(f"`{_shown(one)}`", _meaning(one), _default(one.field_info.default))
        for one in arguments
    ]
    return "\n".join(lines) + "\n"


def _is_positional(argument: Any) -> bool:
    return argument.field_info.kind is not inspect.Parameter.KEYWORD_ONLY


def _placed(argument: Any) -> str:
    name = argument.names[0].removeprefix("--").upper()
    repeated = "..." if "Sequence" in str(argument.hint) else ""
    return f"{name}{repeated}" if argument.required else f"[{name}{repeated}]"


def _shown(argument: Any) -> str:
    return _placed(argument).strip("[]") if _is_positional(argument) else argument.names[0]


def _summary(verb: App) -> str:
    return inspect.cleandoc(verb.help).split("\n\n")[0].replace("\n", " ")


def _meaning(argument: Any) -> str:
    said = " ".join((argument.parameter.help or "").split())
    choices = argument.get_choices()
    return f"{said} One of {', '.join(f'`{one}`' for one in choices)}." if choices else said


def _default(default: Any) -> str:
    if default is inspect.Parameter.empty:
        return "required"
    return "" if default in (None, (), False) else f"`{default}`"


def events() -> str:
    """Return every fact with its fields, and who may read each."""
    return "\n".join(_event(fact) for fact in FACTS.values())


def _event(fact: type[Fact]) -> str:
    lines = [f"### `{fact.TOPIC}`", "", doc(fact), "", f"Schema {fact.SCHEMA}.", ""]
    lines += ["| field | type | kept |", "|---|---|---|"]
    for name, kind in kinds_of(fact).items():
        if name != "personal":
            lines.append(row(f"`{name}`", type_of(kind), "clear"))
            continue
        for personal in _structs(kind):
            lines += [
                row(f"`personal.{inner}`", type_of(one), "sealed")
                for inner, one in kinds_of(personal).items()
            ]
    return "\n".join(lines) + "\n"


def _structs(annotation: Any) -> list[type[Struct]]:
    return [one for one in get_args(annotation) if one not in (Erased, type(None))]


def header() -> str:
    """Return the fields that every event carries besides its fact."""
    return stored_fields(Header)


def evidence() -> str:
    """Return the fields of the evidence of a link or a review."""
    return stored_fields(Evidence)


def stored_parts() -> str:
    """Return the fields of the values that facts and evidence are made of."""
    parts = (GivenIdentifier, ComparisonEvidence, CandidateEvidence, RefusalEvidence)
    return "\n".join(f"### {one.__name__}\n\n{doc(one)}\n\n{stored_fields(one)}\n" for one in parts)


def policy_fields() -> str:
    """Return every field of a policy, of its classes and of its channels."""
    described = (policy.Policy, policy.ClassRule, policy.Channel)
    return "\n".join(f"### {one.__name__}\n\n{_meanings(one)}\n" for one in described)


def _meanings(model: type[BaseModel]) -> str:
    rows = [
        row(
            f"`{name}`",
            POLICY_MEANINGS[name],
            type_of(field.annotation) + range_of(field),
            default_of(field),
        )
        for name, field in model.model_fields.items()
    ]
    return table("field | meaning | type | default", rows)


def policy_classes() -> str:
    """Return the classes of the shipped policy."""
    shipped = policy.Policy.model_validate_json(shipped_policy())
    rows = [
        row(f"`{class_.value}`", ", ".join(rule.types), str(rule.cap))
        for class_, rule in shipped.classes.items()
    ]
    assert set(shipped.classes) == set(IdentifierClass)
    return table("class | types | cap", rows)


def policy_channels() -> str:
    """Return the channels of the shipped policy."""
    shipped = policy.Policy.model_validate_json(shipped_policy())
    rows = [
        row(f"`{name}`", ", ".join(rule.carries), "yes" if rule.live else "no")
        for name, rule in shipped.channels.items()
    ]
    return table("channel | vouches for | live", rows)


def fault_codes() -> str:
    """Return every fault code with its message."""
    return _named("code | message", faults.MESSAGES)


def limits() -> str:
    """Return the limits of what may come in."""
    rows = [row(what, f"{most:,}", unit) for what, most, unit in LIMITS]
    return "\n".join(["| of | at most | |", "|---|---:|---|", *rows])


def rules() -> str:
    """Return every rule that can decide, as `contact why` says it."""
    said_of = sentences_in("en").part("rule").items()
    told = {rule: said.format(weight="N", attach="T") for rule, said in said_of}
    return _named("rule | what it says", told)


def guards() -> str:
    """Return every guard that can refuse a contact."""
    return _named("guard | why the contact was not linked", sentences_in("en").part("guard"))


def settings() -> str:
    """Return every setting of whoever runs the product."""
    rows = []
    for name, field in fields_of():
        kind = type_of(field.annotation) + range_of(field)
        meaning = str(field.description)
        rows.append(row(f"`{name}`", f"`{variable_of(name)}`", meaning, kind, default_of(field)))
    return table("setting | variable | meaning | type | default", rows)


def logbook() -> str:
    """Return what the logbook may say."""
    events, fields = vocabulary.EVENTS, vocabulary.FIELDS
    return _named("event | meaning", events) + "\n\n" + _named("field | meaning", fields)


def metrics() -> str:
    """Return every metric of ours."""
    rows = [
        row(f"`{one.exposed}`", ", ".join(one.labels), one.kind, one.meaning) for one in METRICS
    ]
    return table("metric | labels | kind | meaning", rows)


def _named(titles: str, meanings: Mapping[str, str]) -> str:
    return table(titles, (row(f"`{name}`", meaning) for name, meaning in meanings.items()))


def sql() -> str:
    """Return the views for readers by SQL with their columns, as the database has them in comments."""
    return "\n".join(_view(view) for view in API_VIEWS)


def _view(view: ApiView) -> str:
    rows = [row(f"`{one.name}`", one.type, one.meaning) for one in view.columns]
    lines = [f"## `{view.name}`", "", view.meaning, ""]
    return "\n".join([*lines, "| column | type | meaning |", "|---|---|---|", *rows]) + "\n"


def _contracts(contracts: Sequence[type[BaseModel]]) -> str:
    """Return public contracts with their fields."""
    return "\n".join(
        f"### `{getattr(one, 'TYPE', one.__name__)}`\n\n{doc(one)}\n\n{fields(one)}\n"
        for one in contracts
    )


def internal() -> str:
    """Return which stored events are told to nobody, and why."""
    rows = [
        row(f"`{name}`" if name in FACTS else f"`{name}…`", INTERNAL[name]) for name in INTERNAL
    ]
    return "\n".join(["| stored event | why |", "|---|---|", *rows])


def errors() -> str:
    """Return the tree of errors as it is drawn above their classes."""
    _, _, tree = (tree_of_errors.__doc__ or "").partition("\n\n")
    return f"```text\n{tree.strip()}\n```"


def asyncapi() -> bytes:
    """Return the AsyncAPI document of topics with the names that the pages use."""
    publication = Publication("identity-events", (), "identity-profiles")
    return orjson.dumps(document(publication), option=orjson.OPT_INDENT_2) + b"\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "cli": cli,
    "events": events,
    "header": header,
    "evidence": evidence,
    "stored-parts": stored_parts,
    "policy-fields": policy_fields,
    "policy-classes": policy_classes,
    "policy-channels": policy_channels,
    "errors": errors,
    "faults": fault_codes,
    "limits": limits,
    "rules": rules,
    "guards": guards,
    "sql": sql,
    "settings": settings,
    "logbook": logbook,
    "metrics": metrics,
    "public-events": lambda: _contracts(EVENTS),
    "public-profiles": lambda: _contracts((*PROFILES, HeldIdentifier)),
    "internal": internal,
}
FILES: Mapping[str, Callable[[], bytes]] = {"reference/asyncapi.yaml": asyncapi}
"""Files that are generated as a whole."""


def main(check: bool) -> int:
    """Rewrite stale pages and files, or name them; return the exit code."""
    fresh = {page: regenerated(page.read_text("utf-8")).encode() for page in pages()}
    fresh |= {DOCS / name: content() for name, content in FILES.items()}
    stale = [path for path, text in fresh.items() if not path.exists() or path.read_bytes() != text]
    for path in stale:
        if not check:
            path.write_bytes(fresh[path])
        sys.stdout.write(f"{'stale' if check else 'written'}: {path.relative_to(DOCS)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
