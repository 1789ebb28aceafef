"""Roles, grants and settings: each change is an event of the actor who made it."""

import re
from collections.abc import Collection

from msgspec import Struct

from aggregates import access
from aggregates.access import (
    ACCESS_STREAM,
    REFUSALS_STREAM,
    AccessCommand,
    AccessRefused,
    AccessState,
    Action,
    DefineRole,
    Divisions,
    GrantRole,
    RevokeRole,
)
from aggregates.policy import PolicyKind
from aggregates.settings import Settings
from aggregates.values import instant_text
from identity_engine.application.acting import Operations
from identity_engine.application.as_of import position_as_of
from identity_engine.application.command import Done
from identity_engine.application.input_text import ID, checked
from identity_engine.application.operations.known_divisions import refuse_unknown_division
from identity_engine.application.past_rules import past_settings
from identity_engine.application.permissions import needs
from identity_engine.application.training import table_of_store
from identity_engine.errors import NotFound, UsageError
from matchers.training import TrainingTable

ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
RESERVED = ("system", "policy:")
ROLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class Grant(Struct, frozen=True):
    """A role that an actor has; `divisions` is None where it holds in all of them."""

    actor: str
    role: str
    divisions: tuple[str, ...] | None


class Access(Struct, frozen=True):
    """Who may do what: the actions of each role, and every grant."""

    roles: dict[str, tuple[str, ...]]
    grants: tuple[Grant, ...]


class Refusal(Struct, frozen=True):
    """A refused call: when it was recorded (UTC text), who, what, where, and the id it named."""

    at: str
    actor: str
    action: str
    division: str | None
    target: str | None


class Administration(Operations):
    """What an administrator does."""

    @needs(Action.ROLE_GRANT, everywhere=True)
    def define_role(self, name: str, actions: Collection[str], *, dry_run: bool = False) -> Done:
        """Let a role allow these actions, and no others.

        Raises:
            UsageError: the name or an action is none.
            Refused: nobody would be left who may grant roles.
        """
        if not ROLE_NAME.fullmatch(name):
            raise UsageError("A role's name has lower-case letters, digits, - and _.")
        unknown = sorted(set(actions) - set(Action))
        if unknown:
            raise UsageError(f"There is no action {', '.join(unknown)}.")
        return self._change(DefineRole(name, frozenset(map(Action, actions))), dry_run=dry_run)

    @needs(Action.ROLE_GRANT)
    def grant(
        self,
        actor: str,
        role: str,
        *,
        divisions: Collection[str] | None = None,
        new_division: bool = False,
        dry_run: bool = False,
    ) -> Done:
        """Give an actor a role, in these divisions or (None) in all. Whoever may grant in some divisions
        only gives it there, to whom does not have it elsewhere.

        A division that a grant names is known, also before anything lies there.

        Args:
            actor: an opaque id.
            role: its name.
            divisions: where it holds.
            new_division: take divisions too that nothing knows yet.
            dry_run: decide, and write nothing.

        Raises:
            Denied: the actor may not grant in one of these, or of those where the role is held now.
            UsageError: the actor's id is none, or a division has not the form of one.
            NotYet: there is no such role.
            Refused: `unknown_division`, in one of these no contact lies, and neither the policy nor a
                grant names it.
        """
        where = (
            None
            if divisions is None
            else frozenset(checked(ID, one, "A division") for one in divisions)
        )
        wanted = GrantRole(checked_actor(actor), role, where)
        known = frozenset() if new_division else where or frozenset()
        return self._change(wanted, known=known, dry_run=dry_run)

    @needs(Action.ROLE_GRANT)
    def revoke(self, actor: str, role: str, *, dry_run: bool = False) -> Done:
        """Take a role from an actor.

        Raises:
            Denied: the actor may not grant in one of the divisions where the role is held.
            NotYet: the actor does not have it.
            Refused: nobody would be left who may grant roles.
        """
        return self._change(RevokeRole(actor, role), dry_run=dry_run)

    @needs(Action.POLICY_REHEARSE, everywhere=True)
    def training_table(self) -> TrainingTable:
        """Return all records of the store, and what people decided of them, for training a model.

        Raises:
            Denied: the actor may do this in some divisions only.
        """
        return table_of_store(self.context.store)

    @needs(Action.AUDIT_READ)
    def access(self, as_of: str | None = None) -> Access:
        """Return who may do what, now or as of a time or `pos:N`: every role, and the grants that hold
        in a division whose audit is the actor's to read."""
        until, scope = position_as_of(self.context.store, as_of), self.divisions
        state = AccessState()
        for event in self.context.store.read_stream(ACCESS_STREAM):
            if until is None or event.position <= until:
                state = access.evolve(state, event.fact)
        return Access(
            {name: tuple(sorted(actions)) for name, actions in sorted(state.roles.items())},
            tuple(
                Grant(actor, role, None if where is None else tuple(sorted(where)))
                for actor, roles in sorted(state.grants.items())
                for role, where in sorted(roles.items())
                if scope is None or where is None or where & scope
            ),
        )

    @needs(Action.AUDIT_READ)
    def refusals(self, limit: int = 100) -> list[Refusal]:
        """Return the refused calls, the newest first; whoever may read the audit of some divisions only
        sees those that named something there."""
        scope = self.divisions
        events = [
            event
            for event in self.context.store.read_stream(REFUSALS_STREAM)
            if scope is None or getattr(event.fact, "division", None) in scope
        ][-limit:]
        return [
            Refusal(
                instant_text(event.recorded_at),
                event.header.actor,
                event.fact.action,
                event.fact.division,
                event.fact.target,
            )
            for event in reversed(events)
            if isinstance(event.fact, AccessRefused)
        ]

    @needs(Action.POLICY_ACTIVATE, everywhere=True)
    def activate(self, kind: PolicyKind, content: bytes, *, dry_run: bool = False) -> int:
        """Put a policy, a model or settings in force and return 1, or 0 where they were already.

        In a dry run nothing is written, and the answer is the same.

        Raises:
            InvalidContent: the content is not valid; nothing is written.
        """
        return self.context.policies.activate(
            {kind: content}, actor=self.context.actor, dry_run=dry_run
        )

    @needs(Action.AUDIT_READ)
    def settings(self, as_of: str | None = None) -> Settings:
        """Return the settings in force, now or as of a time or `pos:N`.

        Raises:
            NotFound: the store was not there yet.
        """
        until = position_as_of(self.context.store, as_of)
        if until is None:
            return self.context.rules.settings
        settings = past_settings(self.context.store).at(until)
        if settings is None:
            raise NotFound("There were no settings at that moment: the store was not there yet.")
        return settings

    def _change(self, wanted: AccessCommand, *, known: Collection[str] = (), dry_run: bool) -> Done:
        with self.command(dry_run=dry_run) as command:
            state = self.context.policies.access
            for where in access.touched(state, wanted):
                self._check_scope(where)
            for division in sorted(known):
                refuse_unknown_division(command, state, division)
            command.write(ACCESS_STREAM, *access.decide(state, wanted))
        return command.done()

    def _check_scope(self, where: Divisions) -> None:
        if where is None:
            self.context.allows_everywhere(Action.ROLE_GRANT)
        for division in sorted(where or ()):
            self.context.allows(Action.ROLE_GRANT, division)


def checked_actor(actor: str) -> str:
    """Return an actor's id if it is one.

    Raises:
        UsageError: it is not, or it is the engine's own.
    """
    if not isinstance(actor, str) or not ACTOR.fullmatch(actor) or actor.startswith(RESERVED):
        raise UsageError(
            "An actor's id is opaque: up to 64 letters, digits and . _ : -, no name and no address."
        )
    return actor
