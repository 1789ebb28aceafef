"""Quality of matching on labelled streams: each record decided once, on arrival, in memory.

    python -m tests.benchmarks.quality --data DIR [--shuffle SEED] [--table NAME ...] [--blocking]
        [--cluster]

DIR holds NAME.interactions.jsonl.gz and NAME.truth.csv. One model and one set of rules are used
for all tables. No two contacts are ever fused here, as in the live engine.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from aggregates.policy import Policy
from aggregates.values import IdentifierClass
from identity_engine.application.streams import StreamRecord
from identity_engine.bench.ceiling import ceilings
from matchers.blocking import keys_in_use, refined_keys
from matchers.decision import decide
from matchers.evaluation import Interaction, Quality, evaluate
from matchers.model import Model, parse_model
from matchers.models import shipped_model
from matchers.scoring import MILLIBITS, Scorer
from matchers.vocabulary import Candidate, ContactFacts, Decision, HeldIdentifier, Holder, LinkRules
from tests.benchmarks.arrivals import Arrival, Given, read_table
from tests.benchmarks.clustering import Clustering

Value = tuple[str, str]
"""Family and canonical value of an identifier."""


@dataclass(slots=True)
class OnlineLinker:
    """An in-memory stand-in for the engine: index, owners and contacts in dictionaries."""

    scorer: Scorer
    rules: LinkRules
    policy: Policy
    postings: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    crowded: set[str] = field(default_factory=set)
    owners: dict[Value, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    trusted: set[Value] = field(default_factory=set)
    members: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    exclusive: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    identified: set[str] = field(default_factory=set)
    seen: list[Candidate] = field(default_factory=list)
    compared: int = 0

    def link(self, arrival: Arrival) -> Decision:
        """Decide one arrival and remember it."""
        keys, _ = keys_in_use(arrival.record, self.crowded.__contains__)
        held = [self._held(given) for given in arrival.identifiers]
        candidates = self._candidates(keys, held)
        self.compared += len(candidates)
        decision = decide(
            arrival.record,
            held,
            _exclusive_values(arrival),
            candidates,
            self._facts(candidates, held),
            self.scorer,
            self.rules,
            live_channel=arrival.live,
        )
        linked = decision.contact_id if decision.kind == "link" else None
        if decision.rule in ("exact_exclusive", "exact_strong"):
            self.identified.add(str(linked))
        self._remember(linked or f"c{len(self.seen):08d}", arrival, keys)
        return decision

    def _candidates(self, keys: Sequence[str], held: Sequence[HeldIdentifier]) -> list[Candidate]:
        shared: defaultdict[int, float] = defaultdict(float)
        for key in keys:
            posted = self.postings.get(key, ())
            for position in posted:
                shared[position] += 1.0 + 1.0 / len(posted)
        nearest = sorted(shared, key=lambda position: (-shared[position], position))
        found = set(nearest[: self.policy.candidate_cap])
        contacts = {self.seen[position].contact_id for position in found}
        contacts.update(holder.contact_id for one in held for holder in one.holders)
        for contact in contacts:
            found.update(self.members[contact][-self.policy.guards.members_compared :])
        return [self.seen[position] for position in sorted(found)]

    def _held(self, given: Given) -> HeldIdentifier:
        value = given.family, given.value
        owners = self.owners[value]
        trusted = given.cls == "device" or value in self.trusted
        return HeldIdentifier(
            identifier_id=f"{given.family}:{given.value}",
            cls=given.cls if trusted else "weak",  # type: ignore[arg-type]
            verified=given.verified,
            shared=len(owners) > self.policy.cap_of(IdentifierClass(given.cls)),
            holders=tuple(Holder(contact, order) for contact, order in owners.items()),
        )

    def _facts(
        self, candidates: Sequence[Candidate], held: Sequence[HeldIdentifier]
    ) -> dict[str, ContactFacts]:
        named = {candidate.contact_id for candidate in candidates}
        named.update(holder.contact_id for identifier in held for holder in identifier.holders)
        return {
            contact: ContactFacts(
                contact,
                "identified" if contact in self.identified else "ephemeral",
                self.exclusive[contact],
                len(self.members[contact]),
            )
            for contact in named
        }

    def _remember(self, contact: str, arrival: Arrival, keys: Sequence[str]) -> None:
        position = len(self.seen)
        self.seen.append(Candidate(contact, arrival.interaction[1], arrival.record))
        self.members[contact].append(position)
        for key in keys:
            self._post(key, position)
        for given in arrival.identifiers:
            self.owners[given.family, given.value].setdefault(contact, position)
            if given.verified:
                self.trusted.add((given.family, given.value))
        if exclusive := _exclusive_values(arrival):
            self.exclusive[contact].update(exclusive)
            self.identified.add(contact)

    def _post(self, key: str, position: int) -> None:
        """File a record under a key; a key that has reached its cap gives way to finer ones."""
        posted = self.postings[key]
        posted.append(position)
        if len(posted) > self.policy.block_cap:
            self.crowded.add(key)
            for earlier in self.postings.pop(key):
                for finer in refined_keys(self.seen[earlier].record, key):
                    self._post(finer, earlier)


def _exclusive_values(arrival: Arrival) -> dict[str, str]:
    return {one.family: one.value for one in arrival.identifiers if one.cls == "exclusive"}


def rules_of(model: Model, policy: Policy) -> LinkRules:
    """Rules with the thresholds of a model and the limits of a policy."""
    return LinkRules(
        attach=round(MILLIBITS * model.thresholds.attach),
        review=round(MILLIBITS * model.thresholds.review),
        contradiction=round(MILLIBITS * model.contradiction),
        member_floor=round(MILLIBITS * policy.guards.member_floor),
        member_share=policy.guards.member_share,
    )


def shipped_policy() -> Policy:
    """Read the policy a new store starts with."""
    content = files("identity_engine.defaults").joinpath("policy.json").read_bytes()
    return Policy.model_validate_json(content)


def measure(
    arrivals: Sequence[Arrival], truth: Mapping[Interaction, str], model: Model, policy: Policy
) -> str:
    """Link a stream and describe quality, time and work in one line."""
    linker = OnlineLinker(Scorer(model), rules_of(model, policy), policy)
    links: dict[Interaction, str] = {}
    times = []
    rules: Counter[str] = Counter()
    for arrival in arrivals:
        start = time.perf_counter()
        decision = linker.link(arrival)
        times.append(time.perf_counter() - start)
        links[arrival.interaction] = linker.seen[-1].contact_id
        rules[decision.rule] += 1
    times.sort()
    median, p99 = (times[int(len(times) * share)] * 1e6 for share in (0.5, 0.99))
    return (
        f"{describe(evaluate(links, truth))}  us/record median {median:.0f} p99 {p99:.0f}  "
        f"candidates {linker.compared / len(arrivals):.1f}  "
        + " ".join(f"{rule} {count}" for rule, count in sorted(rules.items()))
    )


def describe(quality: Quality) -> str:
    """Quality in one line."""
    return (
        f"P {quality.precision:.4f} R {quality.recall:.4f} F1 {quality.f1:.4f}  "
        f"B3 {quality.bcubed_precision:.4f} {quality.bcubed_recall:.4f} {quality.bcubed_f1:.4f}"
    )


def measure_clustering(
    arrivals: Sequence[Arrival], truth: Mapping[Interaction, str], model: Model, policy: Policy
) -> str:
    """Cluster a stream by pair weight and describe the quality."""
    merge = round(MILLIBITS * model.thresholds.merge)
    clustering = Clustering(arrivals, Scorer(model), rules_of(model, policy), merge)
    contacts = clustering.run(policy.block_cap)
    links = {a.interaction: str(c) for a, c in zip(arrivals, contacts, strict=True)}
    return describe(evaluate(links, truth))


def blocking_ceiling(
    arrivals: Sequence[Arrival], truth: Mapping[Interaction, str], cap: int
) -> str:
    """Share of the true pairs that have a key in common: no comparison finds more directly."""
    read = [StreamRecord(a.interaction, a.record) for a in arrivals]
    whole = ceilings(read, truth, cap)[0]
    return (
        f"direct recall {whole.direct_recall:.4f}  closure {whole.closure_recall:.4f}  "
        f"keys/record {whole.keys_a_record:.1f}  pairs/record {whole.pairs_a_record:.1f}"
    )


def main() -> None:
    """Measure every table of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--shuffle", type=int, default=None, help="seed of another arrival order")
    parser.add_argument("--table", action="append", help="only these tables")
    parser.add_argument("--model", type=Path, help="a model file instead of the shipped one")
    parser.add_argument("--blocking", action="store_true", help="recall ceiling of the block keys")
    parser.add_argument("--cluster", action="store_true", help="also cluster by pair weight")
    asked = parser.parse_args()
    model = parse_model(asked.model.read_bytes() if asked.model else shipped_model())
    policy = shipped_policy()
    suffix = ".interactions.jsonl.gz"
    found = sorted(path.name.removesuffix(suffix) for path in asked.data.glob(f"*{suffix}"))
    for name in asked.table or found:
        arrivals, truth = read_table(asked.data, name, policy)
        if asked.shuffle is not None:
            random.Random(asked.shuffle).shuffle(arrivals)
        print(f"{name:16}", measure(arrivals, truth, model, policy), flush=True)
        if asked.blocking:
            print(" " * 16, blocking_ceiling(arrivals, truth, policy.block_cap), flush=True)
        if asked.cluster:
            print(
                "      clustered ", measure_clustering(arrivals, truth, model, policy), flush=True
            )


if __name__ == "__main__":
    main()
