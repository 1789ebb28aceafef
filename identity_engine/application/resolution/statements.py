"""What an interaction says by now: as received, as its publisher corrected it, and in its messages."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from aggregates.change import ChangePersonal, InteractionChanged
from aggregates.interaction import InteractionPersonal, InteractionReceived
from aggregates.policy import Policy
from aggregates.values import Erased, Fact
from identity_engine.application.resolution.prepare import Considered, considered, mentions_of
from projections.base import Recorded
from projections.match_index.digests import DigestKeys


class Statement(Struct, frozen=True):
    """Values that an interaction gave at one moment, as they count now; `received` names their division
    and normaliser."""

    received: InteractionReceived
    time: datetime
    values: tuple[Considered, ...]


def said_by(facts: Iterable[Fact]) -> InteractionPersonal | Erased:
    """Return what an interaction says besides its messages, given its facts from the first one on."""
    said: InteractionPersonal | Erased = Erased.ERASED
    for fact in facts:
        match fact:
            case InteractionReceived(personal=personal):
                said = personal
            case InteractionChanged(personal=change) if fact.change.kind == "corrected":
                said = whole_correction(change)
    return said


def whole_correction(said: ChangePersonal | Erased) -> InteractionPersonal | Erased:
    """Return what an interaction says after a correction."""
    if isinstance(said, Erased):
        return said
    return InteractionPersonal(
        source=said.source, id=said.id, identifiers=said.identifiers, profile=said.profile
    )


def statements(
    events: Sequence[Recorded], division: str, policy: Policy, digests: DigestKeys
) -> list[Statement]:
    """Return what an interaction says itself, then what each of its messages said; not what is erased.

    Args:
        events: its stream, from the first event on.
        division: that of its contact, which may have moved since; else where it was received.
        policy: the one in force.
        digests: the keys of the store.
    """
    first = events[0]
    assert isinstance(first.fact, InteractionReceived)
    received = replace(first.fact, division=division)
    own = said_by(event.fact for event in events)
    found = [(own, first.header.valid_from)] + [
        (event.fact.personal, event.header.valid_from)
        for event in events
        if isinstance(event.fact, InteractionChanged) and event.fact.change.kind == "message"
    ]
    return [
        Statement(
            received,
            time,
            tuple(
                considered(
                    said.identifiers,
                    mentions_of(said.identifiers, division, digests),
                    received.channel,
                    policy,
                )
            ),
        )
        for said, time in found
        if not isinstance(said, Erased)
    ]
