"""The rules of a day: identifier classes, blocked values, channels and caps.

A policy, a matching model and an administrator's settings are content with a version (the SHA-256 of
their canonical JSON). Activating one is an event, from the shipped defaults on, so any decision can be
replayed under the rules it was taken under.
"""

import re
from collections import Counter
from datetime import timedelta
from functools import cached_property
from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from aggregates.values import (
    DEFAULT_DIVISION,
    Fact,
    Id,
    IdentifierClass,
    InteractionId,
    PolicyId,
    Value,
)

PolicyKind = Literal["policy", "model", "settings"]
POLICY_STREAMS: dict[PolicyKind, PolicyId] = {
    "policy": PolicyId("00000000-0000-7000-8000-000000000001"),
    "model": PolicyId("00000000-0000-7000-8000-000000000002"),
    "settings": PolicyId("00000000-0000-7000-8000-000000000003"),
}
"""Fixed streams: there is one line of policies, one of models and one of settings in a store."""


AT_MOST_WEAK = (IdentifierClass.WEAK, IdentifierClass.PLACE, IdentifierClass.DEVICE)
NUMBERED_OR_NAMED = re.compile(r"\\[1-9]|\(\?P|\(\?\(")


NEW: Final = {"is_new": True}
"""Context in which a policy that is to be put in force is read. What once was in force is read for ever,
also where it has a fault that is refused now."""


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"this is no regular expression: {error}") from error
    if pattern.startswith("(?") and pattern[2:3].isalpha():
        raise ValueError("a pattern may set no flag; values are compared in lower case")
    return pattern


_id = TypeAdapter[str](Id, config=ConfigDict(defer_build=True))


def _division(name: str, info: ValidationInfo) -> str:
    if info.context == NEW and not _is_division(name):
        raise ValueError("a division has 1 to 256 visible characters, and no space around them")
    return name


def _is_division(name: str) -> bool:
    try:
        return _id.validate_python(name) == name.strip()
    except ValidationError:
        return False


Division = Annotated[str, AfterValidator(_division)]


class ClassRule(Value):
    """The identifier types of one class and its limit.

    `cap` is how many contacts may hold one value before it is shared and stops linking by itself.
    With `window_days` only those count together that came to it within so many days, so that a number
    that is given to somebody else every few years is not taken for one that many share.
    """

    types: tuple[str, ...]
    cap: Annotated[int, Field(ge=1, le=10_000)]
    window_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class Channel(Value):
    """How interactions of one channel are treated.

    `carries` lists the identifier types that the channel itself vouches for: where a publisher does
    not say `verified`, they count as verified and all others do not. On a `live` channel a bare name
    match is shown and never linked by itself. `augment` names the source outside, of the settings,
    where the contact of each arrival is looked up; None where that is off.
    """

    resolve: bool = True
    live: bool = True
    carries: tuple[str, ...] = ()
    division: Division | None = None
    augment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] | None = None


class Guards(Value):
    """The limits that keep two people apart, in bits where nothing else is said.

    `attributes_speak`: evidence from which attributes choose among several holders of a value.
    `member_floor` and `member_share`: this share of a contact's compared records must weigh at least
    the floor. `members_compared`: how many of a contact's newest records are compared. `size_cap`:
    interactions of one contact. `live_name_only_links`: whether a bare name may link on a live
    channel, or against another mailbox or number. `people_per_value`: of how many people the
    interactions with one phone, address or device may speak before the value is shared;
    `people_per_line`: the same for a fixed line, which belongs to a place and not to a person, None
    where it is no exception.
    """

    attributes_speak: Annotated[float, Field(ge=0, le=100)]
    member_floor: Annotated[float, Field(ge=-100, le=100)]
    member_share: Annotated[float, Field(ge=0, le=1)]
    members_compared: Annotated[int, Field(ge=1, le=100)]
    size_cap: Annotated[int, Field(ge=1, le=1_000_000)]
    live_name_only_links: bool
    people_per_value: Annotated[int, Field(ge=1, le=1_000)] = 2
    people_per_line: Annotated[int, Field(ge=1, le=1_000)] | None = None


class Policy(Value):
    """The rules in force.

    `across` lists the divisions among which re-evaluation looks for contacts that are alike; where it
    lists none nothing is looked for. `preferred_sources` lists the sources whose values come first in a
    profile. `block_cap` is how many records one block key may lead to before it gives way to finer ones,
    `candidate_cap` how many records are compared with one interaction.
    """

    format: Literal[1]
    name: str
    classes: dict[IdentifierClass, ClassRule]
    default_class: IdentifierClass
    channels: dict[str, Channel]
    default_channel: Channel
    default_division: Division = DEFAULT_DIVISION
    default_country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    preferred_sources: tuple[str, ...]
    blocked_values: tuple[Annotated[str, AfterValidator(_pattern)], ...]
    guards: Guards
    across: Annotated[tuple[Division, ...], Field(max_length=20)] = ()
    block_cap: Annotated[int, Field(ge=10, le=100_000)]
    candidate_cap: Annotated[int, Field(ge=2, le=10_000)]

    @field_validator("classes")
    @classmethod
    def _types_have_one_class(
        cls, classes: dict[IdentifierClass, ClassRule], info: ValidationInfo
    ) -> dict[IdentifierClass, ClassRule]:
        listed = Counter(type_ for rule in classes.values() for type_ in set(rule.types))
        twice = sorted(type_ for type_, times in listed.items() if times > 1)
        if info.context == NEW and twice:
            raise ValueError(f"types of more than one class: {', '.join(twice)}")
        return classes

    @field_validator("across")
    @classmethod
    def _across_two_or_more(cls, divisions: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(divisions)) == 1:
            raise ValueError("likeness across divisions takes two of them or more, or none")
        return divisions

    @cached_property
    def _class_by_type(self) -> dict[str, IdentifierClass]:
        return {type_: class_ for class_, rule in self.classes.items() for type_ in rule.types}

    @cached_property
    def _blocked(self) -> tuple[re.Pattern[str], ...]:
        # Joined into one where that means the same: a back reference counts the groups of its own
        # pattern, and two patterns may give a group the same name, so such a pattern stays alone.
        alone = [pattern for pattern in self.blocked_values if NUMBERED_OR_NAMED.search(pattern)]
        joined = "|".join(f"(?:{p})" for p in self.blocked_values if p not in alone)
        return tuple(re.compile(pattern) for pattern in (joined, *alone) if pattern)

    def channel(self, name: str) -> Channel:
        """Return the rules of a channel, the default's where it is not listed."""
        return self.channels.get(name, self.default_channel)

    def division_of(self, channel: str, given: str | None) -> str:
        """Return the division of an interaction: the event's, else the channel's, else the default."""
        return given or self.channel(channel).division or self.default_division

    def names_division(self, division: str) -> bool:
        """Tell whether the policy names a division: as a default, for a channel, or to be compared."""
        channels = (self.default_channel, *self.channels.values())
        return division in {
            self.default_division,
            *self.across,
            *(channel.division for channel in channels),
        }

    def counts_as_verified(self, channel: str, type_: str, said: bool | None) -> bool:
        """Tell whether an identifier is verified: as the publisher said, else by the channel's rule."""
        return said if said is not None else type_ in self.channel(channel).carries

    def class_of(self, type_: str, verified: bool) -> IdentifierClass:
        """Return what an identifier may decide; an unverified one is weak at the most."""
        class_ = self._class_by_type.get(type_, self.default_class)
        if verified or class_ in AT_MOST_WEAK:
            return class_
        return IdentifierClass.WEAK

    def cap_of(self, class_: IdentifierClass) -> int:
        """Return how many contacts may hold one value of the class."""
        rule = self.classes.get(class_)
        return rule.cap if rule is not None else 1

    def window_of(self, class_: IdentifierClass) -> timedelta | None:
        """Return the span within which the holders of a value of the class count together, None where
        all count that ever were."""
        rule = self.classes.get(class_)
        days = rule.window_days if rule is not None else None
        return timedelta(days=days) if days is not None else None

    def is_blocked(self, value: str) -> bool:
        """Tell whether a value stands for nobody, such as `anonymous` or a row of zeros."""
        folded = value.casefold()
        for pattern in self._blocked:  # noqa: SIM110 - a generator for each value takes longer
            if pattern.search(folded):
                return True
        return False


class PolicyActivated(Fact, frozen=True, kw_only=True):
    """From now on decisions follow this version.

    `content` is the canonical JSON. It is stored the first time a version is activated; later
    activations of the same version name it only.
    """

    TOPIC: ClassVar[str] = "policy.activated"

    kind: PolicyKind
    name: str
    version: str
    content: str | None = None


class ReevaluationRequested(Fact, frozen=True, kw_only=True):
    """These interactions are to be evaluated again under the rules in force; None means all of them."""

    TOPIC: ClassVar[str] = "reevaluation.requested"

    interaction_ids: tuple[InteractionId, ...] | None = None


class PolicyState(Value):
    """Which version is in force, and the content of all that ever were."""

    version: str
    contents: dict[str, str]


class Activate(Value):
    """Put a version in force."""

    kind: PolicyKind
    name: str
    version: str
    content: str


def decide(state: PolicyState | None, command: Activate) -> tuple[PolicyActivated, ...]:
    """Return the activation, or nothing where the version is in force already."""
    if state is not None and state.version == command.version:
        return ()
    known = state is not None and command.version in state.contents
    return (
        PolicyActivated(
            kind=command.kind,
            name=command.name,
            version=command.version,
            content=None if known else command.content,
        ),
    )


def evolve(state: PolicyState | None, fact: Fact) -> PolicyState | None:
    """Return the state after `fact`."""
    if not isinstance(fact, PolicyActivated):
        return state
    contents = dict(state.contents) if state is not None else {}
    if fact.content is not None:
        contents[fact.version] = fact.content
    return PolicyState(version=fact.version, contents=contents)
