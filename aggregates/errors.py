"""What the rules refuse.

RuleViolation
├── NotYet          the thing does not exist in a state the command needs
├── AlreadyDone     the command would change nothing that may be changed again
└── Refused         the rules say no, with a reason code
"""


class RuleViolation(Exception):  # noqa: N818 - it names what was violated
    """A command that the rules of an aggregate refuse; nothing was written."""


class NotYet(RuleViolation):
    """The command names something that has not come into being."""


class AlreadyDone(RuleViolation):
    """The command was carried out before."""


class Refused(RuleViolation):
    """The rules say no. `reason` is a stable code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
