"""The ladder: to which contact one interaction belongs, and why.

Exact identifiers come before likeness, and every rung has guards: a shared phone, a recycled
number or a chain of alike records must not join two people. What a guard refuses is part of the
decision. Nothing here depends on the order in which holders or candidates are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from matchers.guards import (
    IDENTIFIER_ONLY,
    NAME_ONLY,
    reach_elsewhere,
    rests_on,
    rests_on_household,
    share_identifier,
    speaks_for_person,
)
from matchers.record import MatchRecord
from matchers.scoring import Compared, Scorer
from matchers.vocabulary import (
    Candidate,
    ContactFacts,
    Decision,
    Guard,
    HeldIdentifier,
    LinkRules,
    Refusal,
)

Near = Callable[[], tuple[Sequence[Candidate], Mapping[str, ContactFacts]]]
"""Looks up what is alike: the candidates, holders' records included, and facts of their contacts."""


def decide(
    record: MatchRecord,
    identifiers: Sequence[HeldIdentifier],
    own_exclusive: Mapping[str, str],
    candidates: Sequence[Candidate],
    contacts: Mapping[str, ContactFacts],
    scorer: Scorer,
    rules: LinkRules,
    *,
    live_channel: bool,
    is_lasting: bool = False,
    weights: dict[str, int] | None = None,
    near: Near | None = None,
) -> Decision:
    """Walk down the ladder until a rung decides.

    Args:
        record: match record of the interaction.
        identifiers: its identifiers, with their holders.
        own_exclusive: exclusive identifiers of the interaction, type -> keyed digest.
        candidates: records to compare: those that share a block key, and some of each holder
            (without any, the attributes of that holder are silent and contradict nothing).
        contacts: facts of every contact named by a holder or a candidate.
        live_channel: whether a person typed or spoke, so that a bare name proves nothing.
        is_lasting: whether the interaction alone would make an identified contact.
        weights: interaction id of a candidate -> its weight, where known already.
        near: further candidates with the facts of their contacts, asked for only where no exact
            identifier decides.
    """
    ladder = _Ladder(
        record,
        own_exclusive,
        contacts,
        scorer,
        rules,
        live_channel=live_channel,
        is_lasting=is_lasting,
        is_held_by_many=any(
            held.shared or held.skipped or len(held.holders) > 1 for held in identifiers
        ),
        weights={} if weights is None else weights,
    )
    ladder.add(candidates)
    decision = ladder.known_exactly(identifiers) if identifiers else None
    if decision is not None:
        return decision
    ladder.come_near(near)
    weighed = ladder.weigh_all()
    return (
        ladder.scored(weighed)
        or ladder.corrected([i for i in identifiers if i.skipped])
        or ladder.new(weighed, [i for i in identifiers if i.shared])
    )


def _of_class(identifiers: Iterable[HeldIdentifier], cls: str) -> Iterator[HeldIdentifier]:
    for held in identifiers:
        if held.cls == cls and not held.shared and (held.verified or cls != "strong"):
            yield held


def _weak(identifiers: Iterable[HeldIdentifier]) -> Iterator[HeldIdentifier]:
    for held in identifiers:
        if not held.shared and (
            held.cls in ("weak", "place") or (held.cls == "strong" and not held.verified)
        ):
            yield held


_Weighed = dict[str, list[tuple[int, Candidate]]]
"""Contact -> its compared records with their weights, the best first."""

_HeldBy = dict[str, tuple[tuple[int, str], tuple[str, ...]]]
"""Contact -> (order among holders, its matched identifiers)."""


class _Ladder(Struct):
    """The state of one walk: what was compared and what was refused so far."""

    record: MatchRecord
    own_exclusive: Mapping[str, str]
    contacts: Mapping[str, ContactFacts]
    scorer: Scorer
    rules: LinkRules
    live_channel: bool
    is_lasting: bool
    is_held_by_many: bool
    records: dict[str, list[Candidate]] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    compared: dict[str, Compared] = field(default_factory=dict)
    refused: dict[str, Guard] = field(default_factory=dict)

    def add(self, candidates: Iterable[Candidate]) -> None:
        for candidate in candidates:
            self.records.setdefault(candidate.contact_id, []).append(candidate)

    def known_exactly(self, identifiers: Sequence[HeldIdentifier]) -> Decision | None:
        """Link to a holder by the rungs of exact identifiers."""
        return (
            self.exact("exact_exclusive", _of_class(identifiers, "exclusive"))
            or self.exact("exact_strong", _of_class(identifiers, "strong"))
            or self.exact("exact_weak", (i for i in _weak(identifiers) if len(i.holders) == 1))
            or self.exact("device", _of_class(identifiers, "device"))
        )

    def come_near(self, near: Near | None) -> None:
        """Take in what is only alike, now that no exact identifier has decided."""
        if near is not None:
            candidates, facts = near()
            self.contacts = {**self.contacts, **facts}
            self.records.clear()
            self.add(candidates)

    def exact(self, rule: str, identifiers: Iterable[HeldIdentifier]) -> Decision | None:
        """Link to a holder: the one the attributes choose, else the earliest."""
        identifiers = list(identifiers)
        if not identifiers:
            return None
        held_by = _holders(identifiers)
        places = {held.identifier_id for held in identifiers if held.cls == "place"}
        if rule == "device":
            held_by = self._reachable_by_device(held_by)
        spoken = {contact: self._corroboration(contact) for contact in held_by}
        for contact in sorted(held_by, key=lambda c: (-self._speaks(spoken[c]), *held_by[c][0])):
            guard = self._broken_guard(contact)
            if (
                not guard
                and rule != "exact_exclusive"
                and spoken[contact] < self.rules.contradiction
            ):
                guard = "contradiction"
            if not guard and places.issuperset(held_by[contact][1]):
                guard = None if self._speaks_for_person(contact) else "place_alone"
            elif not guard and rule == "exact_weak" and self._would_fuse(contact, spoken[contact]):
                guard = "unverified"
            if guard:
                self.refused.setdefault(contact, guard)
                continue
            return self._linked(rule, contact, held_by[contact][1], spoken)
        return None

    def _reachable_by_device(self, held_by: _HeldBy) -> _HeldBy:
        """Keep the contacts that a device may lead to: ephemeral ones, and the one user of a device
        if the interaction says nothing else, because then nobody else can be taken for that user."""
        says_nothing = self.record.is_empty and not self.own_exclusive
        if says_nothing and len(held_by) == 1:
            return held_by
        return {c: v for c, v in held_by.items() if self.contacts[c].stage == "ephemeral"}

    def _would_fuse(self, contact: str, spoken: int) -> bool:
        """Tell whether a value that proves little would be all that makes two lasting people one."""
        if not self.is_lasting or self.contacts[contact].stage == "ephemeral":
            return False
        return not self._speaks(spoken) and self._best_weight(contact) < self.rules.merge

    def _speaks_for_person(self, contact: str) -> bool:
        return any(
            speaks_for_person(self._compared(candidate))
            for candidate in self.records.get(contact, ())
        )

    def scored(self, weighed: _Weighed) -> Decision | None:
        """Link to the most alike contact, or hold for review what is only rather alike."""
        ranking = sorted(weighed, key=lambda contact: (-weighed[contact][0][0], contact))
        for contact in ranking:
            best = weighed[contact][0][0]
            if best < self.rules.review:
                return None
            guard = self.refused.get(contact) or self._score_guard(contact, weighed[contact])
            if guard:
                self.refused.setdefault(contact, guard)
                if guard != "members_differ":
                    continue
            if best >= self.rules.attach and not guard:
                return self._alike("link", "score", contact, weighed, ranking)
            return self._alike("review", "review_band", contact, weighed, ranking)
        return None

    def corrected(self, identifiers: Sequence[HeldIdentifier]) -> Decision | None:
        """Ask a person where a link that rested on the same values was corrected before."""
        if not identifiers:
            return None
        named = [held.right for held in identifiers if held.right] or [
            held.skipped for held in identifiers if held.skipped
        ]
        return Decision(
            kind="review",
            contact_id=min(named),
            rule="corrected_link",
            matched_identifiers=_identifiers(identifiers),
            refusals=self._refusals(),
        )

    def new(self, weighed: _Weighed, shared: Sequence[HeldIdentifier]) -> Decision:
        """Make a new contact; show who holds the shared values, and who came nearest."""
        holders = _holders(shared)
        weights = {contact: ranked[0][0] for contact, ranked in weighed.items()}
        shown = {contact: weights.get(contact, 0) for contact in (*holders, *weights)}
        return Decision(
            kind="new",
            contact_id=None,
            rule="shared_identifier" if holders else "none",
            matched_identifiers=_identifiers(shared) if holders else (),
            losing=self._losing(shown, None),
            considered=len(shown),
            refusals=self._refusals(),
        )

    def _linked(
        self,
        rule: str,
        contact: str,
        identifiers: tuple[str, ...],
        spoken: Mapping[str, int],
    ) -> Decision:
        best = max(
            self.records.get(contact, ()),
            key=lambda c: (self._weight(c), c.interaction_id),
            default=None,
        )
        score = self._compared(best).score if best else None
        return Decision(
            kind="link",
            contact_id=contact,
            rule=rule,
            weight=score.weight if score else 0,
            score=score,
            matched_interaction=best.interaction_id if best else None,
            matched_identifiers=identifiers,
            losing=self._losing({c: self._best_weight(c) for c in spoken}, contact),
            considered=len(spoken) - 1,
            refusals=self._refusals(),
        )

    def _alike(
        self,
        kind: Literal["link", "review"],
        rule: str,
        contact: str,
        weighed: _Weighed,
        ranking: Sequence[str],
    ) -> Decision:
        weight, best = weighed[contact][0]
        return Decision(
            kind=kind,
            contact_id=contact,
            rule=rule,
            weight=weight,
            score=self._compared(best).score,
            matched_interaction=best.interaction_id,
            losing=self._losing({c: weighed[c][0][0] for c in ranking}, contact),
            considered=len(ranking) - 1,
            refusals=self._refusals(),
        )

    def weigh_all(self) -> _Weighed:
        """Weigh every record that is compared."""
        weighed = {
            contact: [(self._weight(candidate), candidate) for candidate in candidates]
            for contact, candidates in self.records.items()
        }
        for ranked in weighed.values():
            if len(ranked) > 1:
                ranked.sort(key=lambda one: (-one[0], one[1].interaction_id))
        return weighed

    def _weight(self, candidate: Candidate) -> int:
        """Weigh a record once, however many rungs ask for it."""
        id_ = candidate.interaction_id
        known = self.weights.get(id_)
        if known is None:
            pair = self.compared.get(id_)
            known = pair.score.weight if pair else self.scorer.weight(self.record, candidate.record)
            self.weights[id_] = known
        return known

    def _compared(self, candidate: Candidate) -> Compared:
        """Compare with a record once, however many guards ask what it says."""
        pair = self.compared.get(candidate.interaction_id)
        if pair is None:
            pair = self.scorer.compare(self.record, candidate.record)
            self.compared[candidate.interaction_id] = pair
        return pair

    def _score_guard(self, contact: str, weighed: list[tuple[int, Candidate]]) -> Guard | None:
        if guard := self._broken_guard(contact):
            return guard
        best = weighed[0][1]
        pair = self._compared(best)
        if share_identifier(self.record, best.record) and (
            pair.corroboration < self.rules.contradiction
        ):
            return "contradiction"
        if self.is_held_by_many and rests_on(IDENTIFIER_ONLY, pair):
            return "bare_identifier"
        if rests_on_household(pair):
            return "household"
        is_bare = not self.rules.live_name_only_links and rests_on(NAME_ONLY, pair)
        if is_bare and (self.live_channel or reach_elsewhere(pair)):
            return "bare_name"
        above = sum(1 for weight, _ in weighed if weight >= self.rules.member_floor)
        return "members_differ" if above < self.rules.member_share * len(weighed) else None

    def _broken_guard(self, contact: str) -> Guard | None:
        facts = self.contacts[contact]
        for kind, digest in self.own_exclusive.items():
            if facts.exclusive.get(kind, digest) != digest and digest not in facts.further:
                return "exclusive_conflict"
        return "size_cap" if facts.size >= self.rules.size_cap else None

    def _corroboration(self, contact: str) -> int:
        """What the attributes say for the most fitting record of a contact; 0 if they are silent.

        A record that has nothing in common to compare must not hide those that contradict.
        """
        spoken = [
            self._compared(candidate).corroboration for candidate in self.records.get(contact, ())
        ]
        return max([said for said in spoken if said], default=0)

    def _speaks(self, corroboration: int) -> int:
        return corroboration if corroboration >= self.rules.attributes_speak else 0

    def _losing(
        self, weights: Mapping[str, int], winner: str | None
    ) -> tuple[tuple[str, int], ...]:
        others = [item for item in weights.items() if item[0] != winner]
        others.sort(key=lambda item: (-item[1], item[0]))
        return tuple(others[: self.rules.max_losing_candidates])

    def _refusals(self) -> tuple[Refusal, ...]:
        return tuple(
            Refusal(contact, self.refused[contact], self._best_weight(contact))
            for contact in sorted(self.refused)
        )

    def _best_weight(self, contact: str) -> int:
        """The weight of a contact's most alike record; 0 where it has none to compare."""
        return max([self._weight(c) for c in self.records.get(contact, ())], default=0)


def _holders(identifiers: Iterable[HeldIdentifier]) -> _HeldBy:
    found: _HeldBy = {}
    for held in sorted(identifiers, key=lambda held: held.identifier_id):
        for holder in held.holders:
            order = (holder.first_seen, holder.contact_id)
            earlier, matched = found.get(holder.contact_id, (order, ()))
            found[holder.contact_id] = min(order, earlier), (*matched, held.identifier_id)
    return found


def _identifiers(held: Iterable[HeldIdentifier]) -> tuple[str, ...]:
    return tuple(sorted(identifier.identifier_id for identifier in held))
