"""What became of one event that came in."""

from msgspec import Struct

from aggregates.values import ContactId, InteractionId, Stage


class Outcome(Struct, frozen=True):
    """What became of one interaction, or of one change of an interaction.

    `status` is `accepted`, `duplicate` (received before, nothing written), `conflict` (received
    before with other content) or `erased` (a change of what was erased, nothing written).
    `decision` names the rule that linked an interaction; of a change it is `waits` until its
    interaction comes. `change` says what kind of change it was, empty for an interaction.
    """

    status: str
    interaction_id: InteractionId
    contact_id: ContactId | None
    stage: Stage | None = None
    decision: str = ""
    change: str = ""
