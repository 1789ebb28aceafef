"""How many people a value stands for, by what the records that give it say.

Records that contradict each other speak of different people. They are taken by time and name, so that
the answer, and since when it is so, does not depend on who came first.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec import Struct

from aggregates.values import IdentifierClass
from identity_engine.application.rules import Rules
from matchers.guards import contradict
from matchers.normalise import FIXED_LINE
from projections.match_index.digests import DigestKeys
from projections.match_index.rows import InteractionRow

Mentioned = tuple[InteractionRow, IdentifierClass]
"""A record that mentions a value, and what the value may decide in it."""


class Crowd(Struct, frozen=True):
    """More people than the policy allows: how many, and the time of the interaction that made them so
    many, in microseconds since 1970, UTC."""

    people: int
    since: int


class People:
    """Counts the people behind a value.

    Args:
        digests: name the kinds of values.
        rules: those in force.
    """

    def __init__(self, digests: DigestKeys, rules: Rules) -> None:
        self._digests, self._rules = digests, rules

    def crowd(self, digest: bytes, uses: Sequence[Mentioned]) -> Crowd | None:
        """Return for how many people a value stands if those are more than the policy allows.

        A record with neither a name nor a birth date contradicts nobody, so it is not taken for any of
        them. Where the class has a window, those count together that called within it.
        """
        classes = {class_ for _, class_ in uses}
        if not uses or IdentifierClass.EXCLUSIVE in classes:
            return None
        is_fixed_line = self._is_fixed_line(digest, uses)
        if is_fixed_line and (of_firm := _of_a_firm(uses)) is not None:
            return of_firm
        naming = sorted(
            (row for row, _ in uses if _names_somebody(row)), key=lambda row: (row.time, row.name)
        )
        cap, window = self._people_allowed(is_fixed_line), self._window(classes)
        if window is None:
            return self._more_than(cap, naming)
        span = window // timedelta(microseconds=1)
        for first in naming:
            within = [row for row in naming if 0 <= row.time - first.time <= span]
            if crowd := self._more_than(cap, within):
                return crowd
        return None

    def _people_allowed(self, is_fixed_line: bool) -> int:
        guards = self._rules.policy.guards
        if guards.people_per_line is None or not is_fixed_line:
            return guards.people_per_value
        return guards.people_per_line

    def _window(self, classes: Iterable[IdentifierClass]) -> timedelta | None:
        return self._rules.policy.window_of(min(classes, key=list(IdentifierClass).index))

    def _is_fixed_line(self, digest: bytes, uses: Sequence[Mentioned]) -> bool:
        fixed = self._digests.kind(FIXED_LINE)
        said = (mention for row, _ in uses for mention in row.mentions)
        return any(one.digest == digest and one.kind == fixed for one in said)

    def _more_than(self, cap: int, ordered: Iterable[InteractionRow]) -> Crowd | None:
        """Return the people that records speak of, as soon as those are more than a limit."""
        limit = self._rules.link_rules.contradiction
        people: list[InteractionRow] = []
        for row in ordered:
            if all(
                contradict(row.record, other.record, self._rules.scorer, limit) for other in people
            ):
                people.append(row)
                if len(people) > cap:
                    return Crowd(len(people), row.time)
        return None


def _of_a_firm(uses: Sequence[Mentioned]) -> Crowd | None:
    """Return those who called from a fixed line if one of them named an employer: all who work there
    may."""
    of_firm = [row.time for row, _ in uses if row.record is not None and row.record.organisation]
    if len(uses) < 2 or not of_firm:
        return None
    second = sorted(row.time for row, _ in uses)[1]
    return Crowd(len(uses), max(second, min(of_firm)))


def _names_somebody(row: InteractionRow) -> bool:
    """Tell whether a record says who somebody is, so that it can contradict another."""
    said = row.record
    return said is not None and bool(said.given or said.family or said.name or said.birth_date)
