"""What one check of `doctor` found."""

from dataclasses import dataclass

NOT_VISIBLE = "Not visible to this role."


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: sound or not, and what was found (with the fix where it is not)."""

    check: str
    is_sound: bool
    found: str
