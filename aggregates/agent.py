"""An agent at work outside an interaction: busy while composing, free when it is sent, saved or
discarded.

Each composition has a stream of its own, so that two agents never wait for each other.
"""

from typing import ClassVar, Literal

from msgspec import Struct

from aggregates.errors import AlreadyDone, NotYet
from aggregates.values import CaseId, Fact

Ended = Literal["sent", "saved", "discarded"]


class AgentBusy(Fact, frozen=True, kw_only=True):
    """An agent is composing something, in a mode such as `preview`, and takes no interaction."""

    TOPIC: ClassVar[str] = "agent.busy"

    agent: str
    mode: str
    case_id: CaseId | None = None


class AgentFree(Fact, frozen=True, kw_only=True):
    """The agent has sent, saved or discarded it, and takes interactions again."""

    TOPIC: ClassVar[str] = "agent.free"

    agent: str
    ended: Ended


AgentFact = AgentBusy | AgentFree


class Compose(Struct, frozen=True):
    """Begin to compose."""

    agent: str
    mode: str
    case_id: CaseId | None = None


class End(Struct, frozen=True):
    """End a composition."""

    ended: Ended


Composition = AgentBusy | AgentFree | None
"""What was last said of a composition."""


def decide(state: Composition, command: Compose | End) -> tuple[AgentFact, ...]:
    """Return the fact that carries out `command`.

    Raises:
        AlreadyDone: the composition has begun, or has ended, before.
        NotYet: it has never begun.
    """
    match state, command:
        case None, Compose(agent=agent, mode=mode, case_id=case_id):
            return (AgentBusy(agent=agent, mode=mode, case_id=case_id),)
        case AgentBusy(agent=agent), End(ended=ended):
            return (AgentFree(agent=agent, ended=ended),)
        case None, _:
            raise NotYet("Nobody is composing this.")
        case _:
            raise AlreadyDone("This composition has begun or ended already.")


def evolve(state: Composition, fact: Fact) -> Composition:
    """Return the state after `fact`."""
    return fact if isinstance(fact, AgentBusy | AgentFree) else state
