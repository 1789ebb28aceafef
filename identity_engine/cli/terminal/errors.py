"""How a refusal is told: one line on standard error that begins with `error:`."""

import sys

from identity_engine.cli.terminal.text import on_one_line


def complain(message: str) -> None:
    """Write what was refused and why; control characters that it repeats are shown, not obeyed."""
    for number, line in enumerate(message.split("\n")):
        sys.stderr.write(f"{'' if number else 'error: '}{on_one_line(line)}\n")
