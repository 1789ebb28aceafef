"""Labelled interactions ready to be decided, without a store."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregates.policy import Policy
from matchers.evaluation import Interaction
from matchers.normalise import InvalidIdentifier, normalise_identifier
from matchers.record import MatchRecord, build_record


@dataclass(frozen=True, slots=True)
class Given:
    """An identifier of an arrival with what the policy makes of it."""

    family: str
    value: str
    cls: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """One labelled interaction, ready to be decided."""

    interaction: Interaction
    live: bool
    identifiers: tuple[Given, ...]
    record: MatchRecord


def read_table(
    folder: Path, name: str, policy: Policy
) -> tuple[list[Arrival], dict[Interaction, str]]:
    """Read one labelled stream and its truth."""
    with gzip.open(folder / f"{name}.interactions.jsonl.gz", "rt", encoding="utf-8") as lines:
        arrivals = [_arrival(json.loads(line), policy) for line in lines]
    with (folder / f"{name}.truth.csv").open(encoding="utf-8", newline="") as rows:
        truth = {
            (row["source"], row["interaction_id"]): row["person"] for row in csv.DictReader(rows)
        }
    return arrivals, truth


def _arrival(event: Mapping[str, Any], policy: Policy) -> Arrival:
    content = event["data"]
    channel, profile = content["channel"], content["profile"]
    usable = [one for one in content["identifiers"] if not policy.is_blocked(one["value"])]
    canonical, given = [], []
    for one in usable:
        try:
            found = normalise_identifier(one["type"], one["value"], profile.get("country"))
        except InvalidIdentifier:
            continue
        if policy.is_blocked(found.value):
            continue
        verified = policy.counts_as_verified(channel, one["type"], one.get("verified"))
        cls = policy.class_of(one["type"], verified).value
        canonical.append(found)
        given.append(Given(found.family, found.value, cls, verified))
    return Arrival(
        interaction=(event["source"], event["id"]),
        live=policy.channel(channel).live,
        identifiers=tuple(given),
        record=build_record(profile, canonical, [(one["type"], one["value"]) for one in usable]),
    )
