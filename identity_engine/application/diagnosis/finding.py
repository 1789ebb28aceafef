"""What one check of `doctor` found."""

from msgspec import Struct

NOT_VISIBLE = "Not visible to this role."


class Finding(Struct, frozen=True):
    """One check: sound or not, and what was found (with the fix where it is not)."""

    check: str
    is_sound: bool
    found: str
