"""What can go wrong, grouped by what the caller should do.

IdentityEngineError
├── UsageError             the call was wrong: correct it
│   └── SourceError        a file cannot be read
├── InvalidContent         a policy, model or settings cannot be used: correct the file
├── NotFound               no such contact, interaction or item
├── Denied                 no grant allows the call
├── RuleViolation          the rules refuse the command; nothing was written
│   ├── NotYet             it needs something that has not come into being
│   ├── AlreadyDone        it was carried out before
│   └── Refused            the rules say no; `reason` is a stable code
├── ConfigurationError     the set-up is wrong: the message says the fix
│   ├── UnusableModel      the model in force has faults: put another in force
│   ├── RightMissing       the role on the database may not do this
│   └── SettingsError      what this process was given is wrong or not there: correct it
├── StoreError             the store cannot be used as it is
│   ├── StoreAway          not for now: the same may succeed later
│   │   ├── StoreBusy      another process holds the write lock: try again
│   │   ├── StoreFull      its disk has no room left: make some
│   │   └── ConnectionLost the database cannot be reached
│   ├── UnknownTopic       the log holds an event this version does not know
│   ├── EventTooLarge      an event over the size limit; nothing was written
│   ├── Unreadable         stored bytes that are not what was written
│   ├── Damaged            a file of the store is broken: restore it
│   │   └── ViewsDamaged   so are the views, which are made again from the log
│   └── KeyNeverMade       the key store does not belong to this event store
├── RemoteError            another system failed or refused; `reason` is a stable code
└── Conflict               somebody else was first: read again and decide again
    ├── Stale              a save names a revision that is no longer the contact's
    ├── Fenced             another worker reads this source now
    └── NothingDealt       the group gives this worker nothing to read
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from aggregates import errors as rules
from aggregates.access import EVERY_DIVISION
from projections.sql import DatabaseDamaged, DatabaseFailed

if TYPE_CHECKING:
    from projections.history import HistoryEntry
    from projections.profile.difference import Moved


class IdentityEngineError(Exception):
    """Base of every error this product raises on purpose. The message says cause and fix."""


class UsageError(IdentityEngineError):
    """The call was wrong."""


class SourceError(UsageError):
    """A file or mapping cannot be used at all; says the cause and the fix."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause} {fix}")
        self.cause = cause
        self.fix = fix


class InvalidContent(IdentityEngineError):  # noqa: N818 - an outcome with reasons
    """A policy, a model or settings cannot be used; `faults` lists every reason, each with its place."""

    def __init__(self, message: str, faults: Sequence[str]) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class NotFound(IdentityEngineError):  # noqa: N818 - it is an answer, named as users know it
    """No such contact, interaction or item."""


class Denied(IdentityEngineError):  # noqa: N818 - it is an answer, named as users know it
    """No grant allows the actor to do this, or not in this division."""

    def __init__(self, action: str, division: str | None = None, target: str | None = None) -> None:
        where = "" if division is None else f" in the division {division}"
        if division == EVERY_DIVISION:
            where = " in all divisions"
        super().__init__(
            f"You may not do this: it needs {action}{where}. Ask whoever grants roles."
        )
        self.action = action
        self.division = division
        self.target = target
        self.recorded = False


class RuleViolation(IdentityEngineError, rules.RuleViolation):  # noqa: N818 - as the rules name it
    """The rules refuse the command; nothing was written."""


class NotYet(RuleViolation, rules.NotYet):
    """The command needs something that has not come into being."""


class AlreadyDone(RuleViolation, rules.AlreadyDone):
    """The command was carried out before."""


class Refused(RuleViolation, rules.Refused):
    """The rules say no. `reason` is a stable code."""


def within_the_tree(violation: rules.RuleViolation) -> IdentityEngineError:
    """Return what the aggregates refuse as an error of this tree, with its code and text."""
    match violation:
        case IdentityEngineError():
            return violation
        case rules.Refused():
            return Refused(violation.reason, str(violation))
        case rules.NotYet():
            return NotYet(str(violation))
        case rules.AlreadyDone():
            return AlreadyDone(str(violation))
        case _:
            return RuleViolation(str(violation))


class ConfigurationError(IdentityEngineError):
    """The set-up is wrong."""


class UnusableModel(ConfigurationError):  # noqa: N818
    """The model in force cannot be used; an earlier version did not see its faults."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(
            f"The model in force cannot be used: {'; '.join(faults)}. Put another in force: "
            "identity-engine model activate FILE"
        )


class RightMissing(ConfigurationError):  # noqa: N818
    """The role by which the database is used may not do this."""


class SettingsError(ConfigurationError):
    """Settings, or the key, a secret or the store that they name, are wrong or not there. Nothing but a
    correction here helps, so who supervises the process need not start it again."""


class StoreError(IdentityEngineError, DatabaseFailed):
    """The store cannot be used as it is."""


class StoreAway(StoreError):  # noqa: N818
    """The store cannot be used for now; the same may succeed later. `code` tells why, in logs."""

    code: ClassVar[str]


class StoreBusy(StoreAway):
    """Another process holds the write lock for longer than we wait."""

    code = "busy"


class StoreFull(StoreAway):
    """The disk of the store has no room for what is to be written; nothing of it was."""

    code = "full"


class ConnectionLost(StoreAway):
    """The database cannot be reached, or went away; whether the last commit was done is not known."""

    code = "connection_lost"


class UnknownTopic(StoreError):  # noqa: N818
    """The log holds an event that this version does not know."""


class EventTooLarge(StoreError):  # noqa: N818
    """An event is over the size limit; nothing was written."""


class Unreadable(StoreError):  # noqa: N818
    """Stored bytes are not what was written."""


class Damaged(StoreError, DatabaseDamaged):  # noqa: N818
    """A file of the store is broken; the message names it."""


class ViewsDamaged(Damaged):
    """The views cannot be read. They are made again from the log."""


class KeyNeverMade(StoreError):  # noqa: N818
    """A data key is not in the key store and never was."""


REMOTE_FAILURES: dict[str, str] = {
    "unreachable": "it cannot be reached",
    "timed_out": "it did not answer in time",
    "unavailable": "it says that it is not available",
    "throttled": "it says that it is asked too often",
    "conflict": "somebody else was changing the same record",
    "unauthorised": "it does not accept our credentials",
    "forbidden": "our account may not do this there",
    "not_found": "it does not know what was asked for",
    "refused": "it does not accept what was sent",
    "redirected": "it answers from another address, which is not followed",
    "too_large": "its answer is larger than 1 MiB",
    "private_address": "its address is private, which the settings do not allow",
    "unreadable": "its answer is not what its interface promises",
}
PASSING = frozenset({"unreachable", "timed_out", "unavailable", "throttled", "conflict"})


class RemoteError(IdentityEngineError):
    """Another system failed or refused. What it said is not repeated: it may hold personal values.

    Args:
        system: its name in the settings.
        reason: a stable code, one of `REMOTE_FAILURES`.
        retry_after: how many seconds it wants to be left alone, if it said so.
        fix: a sentence that says what to do; it names no person.
    """

    def __init__(
        self, system: str, reason: str, retry_after: float | None = None, fix: str = ""
    ) -> None:
        said = f"{system} failed ({reason}): {REMOTE_FAILURES[reason]}."
        super().__init__(f"{said} {fix}" if fix else said)
        self.system = system
        self.reason = reason
        self.retry_after = retry_after

    @property
    def may_pass(self) -> bool:
        """Tell whether the same call may succeed later without anybody correcting anything."""
        return self.reason in PASSING


class Conflict(IdentityEngineError):  # noqa: N818
    """Somebody else was first."""


class Stale(Conflict):
    """The contact has changed since the revision that a save names; nothing was written.

    `revision` is what it has now, `difference` what of it moved since, with the values before and now,
    and `changes` are the events that did it. All three are for who may see the contact; the message
    names no value, so that it may be logged.
    """

    def __init__(
        self,
        revision: int,
        changes: "Sequence[HistoryEntry]" = (),
        difference: "Sequence[Moved]" = (),
    ) -> None:
        super().__init__(
            f"The contact has changed since: its revision is {revision} now. Look at what changed "
            "and save again with that revision."
        )
        self.revision = revision
        self.changes = tuple(changes)
        self.difference = tuple(difference)


class Fenced(Conflict):
    """Another worker has read on in a source that this one was reading; nothing was written."""

    def __init__(self, source: str) -> None:
        super().__init__(f"Another worker has read on in {source}; read its position again.")
        self.source = source


class NothingDealt(Conflict):
    """A worker that is to read a topic to its end is dealt no partition of it."""

    def __init__(self, topic: str, group: str, seconds: float) -> None:
        super().__init__(
            f"Kafka has dealt this worker no partition of {topic} for {seconds:.0f} seconds, so whether "
            f"all is read is not known: other workers of the group {group} read it. Wait for them, or "
            "read it by a --group of its own."
        )
