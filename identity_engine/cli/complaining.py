"""How a refusal is told: one line on standard error that begins with `error:`."""

import sys


def complain(message: str) -> None:
    """Write what was refused and why."""
    sys.stderr.write(f"error: {message}\n")
