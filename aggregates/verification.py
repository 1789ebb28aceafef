"""Who vouches for a claim: a person, or an interaction of the holder that says the value is verified.

A claim stays verified as long as somebody does. What an interaction showed goes with it: once it belongs
to another contact or to nobody, is taken back or says something else, another interaction of the holder
has to vouch, or the claim stands unverified.
"""

from typing import ClassVar

from aggregates.values import ContactId, Fact, InteractionId


class IdentifierVerified(Fact, frozen=True, kw_only=True):
    """It was shown that the holder can be reached by, or signs in with, this value.

    By an interaction, or by a person where none is named.
    """

    TOPIC: ClassVar[str] = "identifier.verified"

    contact_id: ContactId
    interaction_id: InteractionId | None = None


class IdentifierVerificationWithdrawn(Fact, frozen=True, kw_only=True):
    """`interaction_id` no longer shows that the value is the holder's.

    `still_by` is another interaction of the holder that shows it, so that the claim stays verified.
    """

    TOPIC: ClassVar[str] = "identifier.verification_withdrawn"

    contact_id: ContactId
    interaction_id: InteractionId
    still_by: InteractionId | None = None
