"""Contacts that the evidence would join and a guard keeps apart: what is written down of it."""

from typing import ClassVar

from msgspec import Struct

from aggregates.values import ContactId, Evidence, Fact, InteractionId


class ContactMergeRefused(Fact, frozen=True, kw_only=True):
    """Records of this contact and of `other` are strong enough to be one person, and `guard` keeps the
    contacts apart.

    Of two contacts the one with the smaller id has it in its stream. It holds until the rules find
    another reason for the same two, or end it.
    """

    TOPIC: ClassVar[str] = "contact.merge_refused"

    other: ContactId
    guard: str
    evidence: Evidence


class ContactMergeRefusalEnded(Fact, frozen=True, kw_only=True):
    """The contact and `other` are one by now, or no records of theirs are strong enough any more."""

    TOPIC: ClassVar[str] = "contact.merge_refusal_ended"

    other: ContactId


class Refusal(Struct, frozen=True, array_like=True):
    """Why the rules keep a contact apart from another: the guard, and the pair of records that was
    strong enough, with its rule and its weight in millibits."""

    guard: str
    rule: str
    weight: int
    interaction_id: InteractionId | None
    against: InteractionId | None

    def rests_on(self, interaction_id: InteractionId) -> bool:
        """Tell whether an interaction is one of the pair."""
        return interaction_id in (self.interaction_id, self.against)


def refusal(fact: ContactMergeRefused) -> Refusal:
    """Return what a contact keeps of a refused merge."""
    found = fact.evidence
    return Refusal(fact.guard, found.rule, found.weight, found.interaction_id, found.against)
