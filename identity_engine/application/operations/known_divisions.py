"""Whether a division that a person names is known: a typing error must not begin one (GX-12)."""

from collections.abc import Collection

from aggregates.access import AccessState
from aggregates.errors import Refused
from identity_engine.application.command import Command
from projections.identity.query import is_inhabited


def refuse_unknown_division(
    command: Command, access: AccessState, division: str, *, left: Collection[str] = ()
) -> None:
    """Refuse a division that nothing knows.

    Whether the actor may act there is checked before: who may not hears nothing of what lies there.

    Args:
        command: under way.
        access: the grants in force.
        division: as it was named.
        left: divisions where what the command acts on lay before.

    Raises:
        Refused: `unknown_division`, no contact lies there, and neither the policy nor a grant names it.
    """
    if not (
        division in left
        or command.rules.policy.names_division(division)
        or access.names_division(division)
        or is_inhabited(command.views(), division)  # last: views have to follow before they can say
    ):
        raise Refused(
            "unknown_division",
            f"No contact lies in {division}, and neither the policy nor a grant names it. Is it "
            "the name that was meant? To begin a new division, add --new-division.",
        )
