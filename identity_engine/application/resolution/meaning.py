"""What mentions in index rows mean under the policy: their type, and what they show and may decide."""

from aggregates.contact import IdentifiedBy
from aggregates.policy import Policy
from aggregates.values import IdentifierClass
from identity_engine.application.resolution.prepare import ROLE_MAILBOX, why_lasting
from matchers.normalise import FIXED_LINE, UNPLACED_LINE
from projections.match_index.conversations import Heard
from projections.match_index.digests import DigestKeys
from projections.match_index.mentions import Mention
from projections.match_index.rows import InteractionRow

GIVEN_AS = {FIXED_LINE: "phone", UNPLACED_LINE: "phone", ROLE_MAILBOX: "email"}
"""Type under which the policy lets a value decide -> type under which a channel vouches for it."""


class Meaning:
    """Reads mentions, which name their type by a digest.

    Args:
        digests: of the store.
        policy: the one in force.
    """

    def __init__(self, digests: DigestKeys, policy: Policy) -> None:
        self._policy = policy
        self._types = {digests.kind(type_): type_ for type_ in _types(policy)}

    def type_of(self, mention: Mention) -> str:
        """Return the type that a mention decides as; an empty text where the policy names none."""
        return self._types.get(mention.kind, "")

    def is_verified(self, mention: Mention, row: InteractionRow) -> bool:
        """Tell whether a row shows that the value is that of whom it speaks of."""
        type_ = self.type_of(mention)
        given = GIVEN_AS.get(type_, type_)
        return self._policy.counts_as_verified(row.channel, given, mention.said)

    def shows(self, heard: Heard, row: InteractionRow) -> bool:
        """Tell whether messages of a row show that a value is that of whom it speaks of."""
        said_nothing = Mention(heard.digest, heard.kind, None)
        return heard.verified or (bool(heard.kind) and self.is_verified(said_nothing, row))

    def class_of(self, mention: Mention, row: InteractionRow) -> IdentifierClass:
        """Return what a value may decide in its row."""
        return self._policy.class_of(self.type_of(mention), self.is_verified(mention, row))

    def lasting_values(self, row: InteractionRow) -> list[tuple[IdentifiedBy, bytes]]:
        """Return why, and the digest, of each value of a row that shows a lasting person by itself."""
        return [
            (by, one.digest)
            for one in row.mentions
            if (by := why_lasting(self.class_of(one, row), one.said)) is not None
        ]


def _types(policy: Policy) -> set[str]:
    """Return every identifier type that the policy names."""
    named = {type_ for rule in policy.classes.values() for type_ in rule.types}
    channels = (policy.default_channel, *policy.channels.values())
    return named | {type_ for channel in channels for type_ in channel.carries}
