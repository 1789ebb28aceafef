"""What holds expiry off: each reason is a question to the index or the views about a whole set.

A further area adds its reason to `Reason` and its question to `REASONS`.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from aggregates.contact import ContactState
from aggregates.values import ContactId, Stage
from identity_engine.application.command import Command
from identity_engine.event_store.match_index.case_tables import has_open_case
from projections.crm.query import pending_write_back

Reason = Literal["curated", "merged_by_person", "legal_hold", "case_open", "write_back_pending"]


class Quiet(Struct, frozen=True):
    """A set of which nothing meaningful came for long, under the write lock of a command.

    The command's index has the members and their edges loaded; its `views()` are as of the lock.
    """

    members: frozenset[ContactId]
    command: Command

    @property
    def states(self) -> list[ContactState]:
        """The state of each member."""
        return [self.command.index.contacts[member].state for member in self.members]


def curated(quiet: Quiet) -> Reason | None:
    """A person vouches for a member."""
    return "curated" if any(one.stage is Stage.CURATED for one in quiet.states) else None


def merged_by_person(quiet: Quiet) -> Reason | None:
    """A person said that members are one."""
    edges = quiet.command.index.edges
    by_person = any(not edge.automatic and edge.one in quiet.members for edge in edges)
    return "merged_by_person" if by_person else None


def on_legal_hold(quiet: Quiet) -> Reason | None:
    """A legal hold names a member."""
    return "legal_hold" if any(one.on_hold for one in quiet.states) else None


def with_open_case(quiet: Quiet) -> Reason | None:
    """A case of theirs is not closed."""
    return "case_open" if has_open_case(quiet.command.cursor, quiet.members) else None


def to_be_written_back(quiet: Quiet) -> Reason | None:
    """The CRM is still to be told something."""
    return (
        "write_back_pending" if pending_write_back(quiet.command.views(), quiet.members) else None
    )


REASONS: tuple[Callable[[Quiet], Reason | None], ...] = (
    curated,
    merged_by_person,
    on_legal_hold,
    with_open_case,
    to_be_written_back,
)


def held_off_by(quiet: Quiet) -> Reason | None:
    """Return the first reason that holds the expiry of a set off, None where nothing does."""
    return next((reason for ask in REASONS if (reason := ask(quiet)) is not None), None)
