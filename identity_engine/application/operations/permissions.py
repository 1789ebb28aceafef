"""Default deny: each operation names its action, and runs only for an actor whom a grant allows it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from aggregates.access import Action
from identity_engine.application.operations.office import Office

P = ParamSpec("P")
T = TypeVar("T")


class Guarded(Protocol):
    """Something whose methods run for an actor."""

    office: Office

    def under(self, action: Action) -> Self:
        """Return this, acting by the right that the call names."""
        ...


G = TypeVar("G", bound=Guarded)
Method = Callable[Concatenate[G, P], T]


def needs(action: Action) -> Callable[[Method[G, P, T]], Method[G, P, T]]:
    """Let a method run only for an actor who may do `action` somewhere; else the refusal is recorded.

    Whether the actor may do it where the call aims at is checked by what the method reads: a contact,
    an interaction or a case of a division that the actor does not see is absent.
    """

    def guard(method: Method[G, P, T]) -> Method[G, P, T]:
        @wraps(method)
        def guarded(self: G, *args: P.args, **kwargs: P.kwargs) -> T:
            with self.office.permitted(action):
                return method(self.under(action), *args, **kwargs)

        guarded.action = action  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value] # it has the method's own signature

    return guard


def action_of(method: Callable[..., Any]) -> Action | None:
    """Return the action that a method needs, None where it is not guarded."""
    return getattr(method, "action", None)
