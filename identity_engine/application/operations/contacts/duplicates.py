"""Contacts that may be the person whom somebody is about to enter: by identifier, and by likeness."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from aggregates.access import Action
from aggregates.interaction import GivenIdentifier, InteractionPersonal
from aggregates.values import ContactId, IdentifierId
from identity_engine.application.command import Command
from identity_engine.application.explanation.waterfall import Part, parts_of_score
from identity_engine.application.operations.values.claiming import loaded
from identity_engine.application.resolution.prepare import comparable
from matchers.record import MatchRecord
from matchers.scoring import in_bits
from projections.match_index.rows import InteractionRow

MOST_SHOWN = 10


class PossibleDuplicate(Struct, frozen=True):
    """A contact that may be the same person.

    `identifiers` are those given that it holds. `bits` is the weight of its best record, made up of
    `parts`; 0 and none where only an identifier speaks for it.
    """

    contact_id: ContactId
    stage: str
    identifiers: tuple[IdentifierId, ...] = ()
    bits: float = 0.0
    parts: tuple[Part, ...] = ()


class Duplicates:
    """Looks for contacts within a command.

    Args:
        command: under way.
        division: where to look; only what the actor sees there is found.
    """

    def __init__(self, command: Command, division: str) -> None:
        self._command, self._division = command, division

    def of(
        self,
        profile: dict[str, str],
        identifiers: Sequence[GivenIdentifier],
        exclude: Collection[ContactId] = (),
    ) -> tuple[PossibleDuplicate, ...]:
        """Return contacts like these values, holders first, then the likeliest; at most ten.

        Args:
            profile: field -> value.
            identifiers: in normal form.
            exclude: identities that are no duplicates, such as the contact's own.
        """
        if not self._command.may(Action.CONTACT_VIEW, self._division):
            return ()
        holders = self._holders(identifiers)
        likeness = self._alike(profile, identifiers)
        found = [
            self._described(one, holders.get(one, ()), likeness.get(one))
            for one in sorted({*holders, *likeness} - set(exclude))
            if self._command.index.contacts[one].state.presence == "live"
        ]
        found.sort(key=lambda one: (not one.identifiers, -one.bits, one.contact_id))
        return tuple(found[:MOST_SHOWN])

    def _holders(
        self, identifiers: Iterable[GivenIdentifier]
    ) -> dict[ContactId, tuple[IdentifierId, ...]]:
        command, found = self._command, dict[ContactId, tuple[IdentifierId, ...]]()
        for given in identifiers:
            row = command.index.identifiers.get(loaded(command, self._division, given))
            if row is None or row.state is None:
                continue
            for canonical in {command.index.canonical(one) for one in row.state.holders}:
                found[canonical] = (*found.get(canonical, ()), row.identifier_id)
        return found

    def _alike(
        self, profile: dict[str, str], identifiers: Sequence[GivenIdentifier]
    ) -> dict[ContactId, tuple[int, InteractionRow, MatchRecord]]:
        """Return the best record of each contact that weighs enough to ask a person."""
        command = self._command
        index, rules = command.index, command.rules
        said = InteractionPersonal(
            source="", id="", identifiers=tuple(identifiers), profile=profile
        )
        made = comparable(said, self._division, command.digests, index.is_crowded)
        if made.record is None:
            return {}
        cap = rules.policy.block_cap
        command.reader.load_postings(made.block_keys, cap)
        numbers = {
            number
            for key in made.block_keys
            for number in index.numbers_under(key)[: rules.policy.candidate_cap]
        }
        command.reader.load_nearby(numbers, ())
        best: dict[ContactId, tuple[int, InteractionRow, MatchRecord]] = {}
        for row in filter(None, map(index.interaction, sorted(numbers))):
            if row.record is None or row.contact_id is None:
                continue
            weight = rules.scorer.weight(made.record, row.record)
            canonical = index.canonical(row.contact_id)
            known = best.get(canonical)
            if weight >= rules.link_rules.review and (known is None or weight > known[0]):
                best[canonical] = (weight, row, made.record)
        return best

    def _described(
        self,
        canonical: ContactId,
        identifiers: tuple[IdentifierId, ...],
        alike: tuple[int, InteractionRow, MatchRecord] | None,
    ) -> PossibleDuplicate:
        stage = self._command.index.identity(canonical).stage.value
        if alike is None:
            return PossibleDuplicate(canonical, stage, identifiers)
        weight, row, record = alike
        assert row.record is not None
        rules = self._command.rules
        parts = parts_of_score(rules.scorer.explain(record, row.record), rules.model)
        return PossibleDuplicate(canonical, stage, identifiers, in_bits(weight), parts)
