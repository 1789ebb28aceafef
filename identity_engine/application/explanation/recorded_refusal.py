"""The merge that re-evaluation refused of two identities, as it stands written."""

from msgspec import Struct

from aggregates.refused_merge import ContactMergeRefused
from aggregates.values import instant_text
from identity_engine.application.explanation.explain import reason_of
from identity_engine.application.explanation.pair import Side
from identity_engine.application.explanation.sentences import Sentences
from identity_engine.application.explanation.telling import in_brackets
from identity_engine.application.rules import Rules
from identity_engine.event_store.store import EventStore
from matchers.scoring import in_bits
from projections.base import Recorded
from projections.sql import Cursor

BY_PEOPLE = "told_apart"
"""The guard that is a person's word, which may be lifted since."""


class RecordedRefusal(Struct, frozen=True):
    """What re-evaluation wrote down: the guard that keeps the two apart, with the rule and the bits of
    the strongest pair, and the two interactions of it. `sentence` says it in words."""

    position: int
    recorded_at: str
    guard: str
    rule: str
    bits: float
    compared: tuple[str | None, str | None]
    sentence: str


class StandingRefusal:
    """A refusal that no later one replaced and that was not ended.

    Args:
        event: the newest between the two.
    """

    def __init__(self, event: Recorded) -> None:
        assert isinstance(event.fact, ContactMergeRefused)
        self._event, self._fact = event, event.fact

    @property
    def guard(self) -> str:
        """Which guard refused."""
        return self._fact.guard

    def is_by(self, rules: Rules) -> bool:
        """Tell whether these rules refused, and not older ones or a person."""
        found = self._fact.evidence
        in_force = rules.model_version, rules.policy_version
        return self.guard != BY_PEOPLE and (found.model, found.policy) == in_force

    def told(self, say: Sentences) -> RecordedRefusal:
        """Return it in words."""
        evidence, position = self._fact.evidence, self._event.position
        return RecordedRefusal(
            position,
            instant_text(self._event.recorded_at),
            self.guard,
            evidence.rule,
            in_bits(evidence.weight),
            (evidence.against, evidence.interaction_id),
            say.say(
                "why_not.recorded",
                position=str(position),
                bits=in_brackets(evidence, say),
                reason=reason_of(self.guard, say),
            ),
        )


def standing_refusal(
    store: EventStore, cursor: Cursor, one: Side, other: Side
) -> StandingRefusal | None:
    """Return the newest refusal that stands written between two identities."""
    between = [
        (holder, named)
        for holder, named in one.refused | other.refused
        if {holder, named} & one.members and {holder, named} & other.members
    ]
    if one.canonical == other.canonical or not between:
        return None
    newest = max(
        (
            event
            for holder, named in between
            for event in store.read_stream(holder, cursor=cursor)
            if isinstance(event.fact, ContactMergeRefused) and event.fact.other == named
        ),
        key=lambda event: event.position,
    )
    return StandingRefusal(newest)
