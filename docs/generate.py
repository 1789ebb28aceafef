"""Writes the generated parts of the pages in this folder from the code that they describe.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. Without an argument the pages are
rewritten; with `--check` stale pages are named and the exit code is 1. A test calls `regenerated`.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le
from cyclopts import App
from pydantic import AwareDatetime, BaseModel

from aggregates import policy
from aggregates.catalogue import FACTS
from aggregates.change import GivenIdentifier
from aggregates.values import (
    CandidateEvidence,
    ComparisonEvidence,
    Erased,
    Evidence,
    Fact,
    Header,
    IdentifierClass,
    RefusalEvidence,
)
from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.application.rules import shipped_policy
from identity_engine.cli.app import app
from identity_engine.ingestion import csv_mapping, envelope, faults, json_text, wire

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

WORDS = {str: "text", int: "whole number", bool: "true or false", AwareDatetime: "time"}
LIMITS = (
    ("one line", json_text.MAX_LINE, "bytes"),
    ("depth of the JSON text", json_text.MAX_DEPTH, "levels"),
    ("`source`, `id`, `division`, `session`, `scope`, correlation ids", wire.MAX_ID, "characters"),
    ("one identifier `value`", wire.MAX_IDENTIFIER, "characters"),
    ("one `profile` or `mail` text", wire.MAX_VALUE, "characters"),
    ("`identifiers`", wire.MAX_IDENTIFIERS, "entries"),
    ("`profile`", wire.MAX_PROFILE_FIELDS, "fields"),
    ("one list of `mail`", wire.MAX_ADDRESSES, "entries"),
    ("`attributes` as JSON", wire.MAX_ATTRIBUTES, "bytes"),
    ("`time` ahead of the engine's clock", int(wire.CLOCK_SKEW.total_seconds()), "seconds"),
    ("faults listed for one event", envelope.MAX_FAULTS, "faults"),
    ("a CSV mapping file", csv_mapping.MAX_MAPPING, "bytes"),
)

# A field without a meaning stops the generator.
POLICY_MEANINGS = {
    "name": "for people; the version is the SHA-256 of the content",
    "classes": "which identifier types may decide how much",
    "default_class": "the class of a type that is in none",
    "channels": "how interactions of each channel are treated",
    "default_channel": "the same for a channel that is not listed",
    "default_division": "where neither the event nor the channel names a division",
    "default_country": "ISO 3166 code, to read phone numbers without a country where the profile "
    "names none",
    "preferred_sources": "sources whose values come first in a profile, the best first",
    "blocked_values": "regular expressions; a value that matches stands for nobody",
    "format": "the form of the file; this version reads 1",
    "guards": "the limits that keep two people apart, below",
    "across": "divisions among which contacts that are alike are looked for; they join nothing",
    "block_cap": "a block key that leads to more records than this is left out",
    "candidate_cap": "at most this many records are compared with one interaction",
    "types": "the identifier types of the class",
    "cap": "how many contacts may hold one value before it is shared",
    "window_days": "with it only those count together that came to the value within so many days",
    "resolve": "whether interactions of the channel are linked; if not, each makes a contact",
    "live": "whether a bare name match is no link here",
    "carries": "types that the channel vouches for: verified unless the publisher says otherwise",
    "augment": "the source of augmentation where the contact of each arrival is looked up",
    "division": "the division of the channel's interactions, where the event names none",
}


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
        _row(f"`{_shown(one)}`", _meaning(one), _default(one.field_info.default))
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
    lines = [f"### `{fact.TOPIC}`", "", _doc(fact), "", f"Schema {fact.SCHEMA}.", ""]
    lines += ["| field | type | kept |", "|---|---|---|"]
    for name, field in fact.model_fields.items():
        if name != "personal":
            lines.append(_row(f"`{name}`", _type(field.annotation), "clear"))
            continue
        for personal in _models(field.annotation):
            lines += [
                _row(f"`personal.{inner}`", _type(one.annotation), "sealed")
                for inner, one in personal.model_fields.items()
            ]
    return "\n".join(lines) + "\n"


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [one for one in get_args(annotation) if one not in (Erased, type(None))]


def header() -> str:
    """Return the fields that every event carries besides its fact."""
    rows = [
        _row(
            f"`{name}`",
            _type(kind),
            "none" if name in Header._field_defaults else "required",
        )
        for name, kind in get_type_hints(Header).items()
    ]
    return "\n".join(["| field | type | default |", "|---|---|---|", *rows])


def evidence() -> str:
    """Return the fields of the evidence of a link or a review."""
    return _fields(Evidence)


def stored_parts() -> str:
    """Return the fields of the values that facts and evidence are made of."""
    parts = (GivenIdentifier, ComparisonEvidence, CandidateEvidence, RefusalEvidence)
    return "\n".join(f"### {one.__name__}\n\n{_doc(one)}\n\n{_fields(one)}\n" for one in parts)


def policy_fields() -> str:
    """Return every field of a policy, of its classes and of its channels."""
    described = (policy.Policy, policy.ClassRule, policy.Channel)
    return "\n".join(f"### {one.__name__}\n\n{_meanings(one)}\n" for one in described)


def _meanings(model: type[BaseModel]) -> str:
    rows = [
        _row(
            f"`{name}`",
            POLICY_MEANINGS[name],
            _type(field.annotation) + _range(field),
            _default_of(field),
        )
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| field | meaning | type | default |", "|---|---|---|---|", *rows])


def policy_classes() -> str:
    """Return the classes of the shipped policy."""
    shipped = policy.Policy.model_validate_json(shipped_policy())
    rows = [
        _row(f"`{class_.value}`", ", ".join(rule.types), str(rule.cap))
        for class_, rule in shipped.classes.items()
    ]
    assert set(shipped.classes) == set(IdentifierClass)
    return "\n".join(["| class | types | cap |", "|---|---|---|", *rows])


def policy_channels() -> str:
    """Return the channels of the shipped policy."""
    shipped = policy.Policy.model_validate_json(shipped_policy())
    rows = [
        _row(f"`{name}`", ", ".join(rule.carries), "yes" if rule.live else "no")
        for name, rule in shipped.channels.items()
    ]
    return "\n".join(["| channel | vouches for | live |", "|---|---|---|", *rows])


def fault_codes() -> str:
    """Return every fault code with its message."""
    rows = [_row(f"`{code}`", message) for code, message in faults.MESSAGES.items()]
    return "\n".join(["| code | message |", "|---|---|", *rows])


def limits() -> str:
    """Return the limits of what may come in."""
    rows = [_row(what, f"{most:,}", unit) for what, most, unit in LIMITS]
    return "\n".join(["| of | at most | |", "|---|---:|---|", *rows])


def rules() -> str:
    """Return every rule that can decide, as `contact why` says it."""
    rows = [
        _row(f"`{rule}`", said.format(weight="N", attach="T"))
        for rule, said in sentences_in("en").part("rule").items()
    ]
    return "\n".join(["| rule | what it says |", "|---|---|", *rows])


def guards() -> str:
    """Return every guard that can refuse a contact."""
    said_of = sentences_in("en").part("guard")
    rows = [_row(f"`{guard}`", said) for guard, said in said_of.items()]
    return "\n".join(["| guard | why the contact was not linked |", "|---|---|", *rows])


def _fields(model: type[BaseModel]) -> str:
    rows = [
        _row(f"`{name}`", _type(field.annotation) + _range(field), _default_of(field))
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| field | type | default |", "|---|---|---|", *rows])


def _default_of(field: Any) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return "those of its fields"
    return "none" if default in (None, (), {}) else f"`{default}`"


def _type(annotation: Any) -> str:
    return f"`{_type_text(annotation)}`"


def _type_text(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_text(inner[0])
    if origin in (Union, UnionType):
        return " | ".join(_type_text(one) for one in inner if one is not NoneType) + (
            ", optional" if NoneType in inner else ""
        )
    if origin is Literal:
        return " | ".join(f'"{one}"' for one in inner)
    if origin is tuple:
        return f"list of {_type_text(inner[0])}"
    if origin is dict:
        return f"{_type_text(inner[0])} -> {_type_text(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " | ".join(f'"{one.value}"' for one in annotation)
    return WORDS.get(annotation) or str(annotation.__name__)


def _range(field: Any) -> str:
    """Say the limits of a number, as declared on the field."""
    limits = {type(limit): limit for limit in field.metadata}
    if Ge in limits and Le in limits:
        return f", {limits[Ge].ge:,} to {limits[Le].le:,}"
    return ""


def _doc(described: type) -> str:
    return inspect.cleandoc(described.__doc__ or "")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


PARTS: Mapping[str, Callable[[], str]] = {
    "cli": cli,
    "events": events,
    "header": header,
    "evidence": evidence,
    "stored-parts": stored_parts,
    "policy-fields": policy_fields,
    "policy-classes": policy_classes,
    "policy-channels": policy_channels,
    "faults": fault_codes,
    "limits": limits,
    "rules": rules,
    "guards": guards,
}


def main(check: bool) -> int:
    """Rewrite stale pages, or name them; return the exit code."""
    stale = [
        page for page in pages() if regenerated(page.read_text("utf-8")) != page.read_text("utf-8")
    ]
    for page in stale:
        if not check:
            page.write_text(regenerated(page.read_text("utf-8")), "utf-8")
        sys.stdout.write(f"{'stale' if check else 'written'}: {page.relative_to(DOCS)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
