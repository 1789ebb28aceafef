"""Default deny: each operation names its action, and runs only for an actor whom a grant allows it."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from aggregates.access import Action
from aggregates.errors import RuleViolation
from identity_engine.application.actor_context import ActorContext
from identity_engine.errors import UsageError, within_the_tree
from projections.base import ID

P = ParamSpec("P")
T = TypeVar("T")

MOST = 1_000_000_000
"""Answers that one call may ask for; a database takes no number of any size."""


class Guarded(Protocol):
    """Something whose methods run for an actor."""

    context: ActorContext

    def under(self, action: Action) -> Self:
        """Return this, acting by the right that the call names."""
        ...


G = TypeVar("G", bound=Guarded)
Method = Callable[Concatenate[G, P], T]


def needs(
    action: Action, *, everywhere: bool = False
) -> Callable[[Method[G, P, T]], Method[G, P, T]]:
    """Let a method run only for an actor who may do `action`; else the refusal is recorded.

    A `limit` that it is given is checked. What the rules of the aggregates refuse within is raised as
    an error of the product's own tree.

    Args:
        action: what has to be allowed, in some division. Whether it is where the call aims at is
            checked by what the method reads: a contact, an interaction or a case of a division that the
            actor does not see is absent.
        everywhere: it has to be allowed in all divisions, because the call is about the whole store.
    """

    def guard(method: Method[G, P, T]) -> Method[G, P, T]:
        limited = signature(method) if "limit" in method.__annotations__ else None

        @wraps(method)
        def guarded(self: G, *args: P.args, **kwargs: P.kwargs) -> T:
            if limited is not None:
                _check_limit(limited.bind(self, *args, **kwargs).arguments.get("limit", 1))
            named = next((one for one in args if isinstance(one, str) and ID.fullmatch(one)), None)
            try:
                with self.context.permitted(action, everywhere=everywhere, target=named):
                    return method(self.under(action), *args, **kwargs)
            except RuleViolation as violation:
                told = within_the_tree(violation).with_traceback(violation.__traceback__)
                raise told from violation.__cause__

        guarded.action = action  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value] # it has the method's own signature

    return guard


def _check_limit(limit: object) -> None:
    if type(limit) is not int or not 1 <= limit <= MOST:
        raise UsageError(f"A limit is a whole number from 1 to {MOST:,}.")


def action_of(method: Callable[..., Any]) -> Action | None:
    """Return the action that a method needs, None where it is not guarded."""
    return getattr(method, "action", None)
