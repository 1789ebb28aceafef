"""An agent is busy while composing, and free once."""

import pytest

from aggregates import agent
from aggregates.agent import AgentBusy, AgentFree, Compose, End
from aggregates.errors import AlreadyDone, NotYet

BUSY = AgentBusy(agent="agent-7", mode="preview")


def test_an_agent_who_composes_is_busy_in_a_mode():
    assert agent.decide(None, Compose("agent-7", "preview")) == (BUSY,)


@pytest.mark.parametrize("ended", ["sent", "saved", "discarded"])
def test_an_agent_is_free_on_send_save_and_discard(ended):
    assert agent.decide(BUSY, End(ended)) == (AgentFree(agent="agent-7", ended=ended),)


def test_a_composition_ends_once():
    with pytest.raises(AlreadyDone):
        agent.decide(AgentFree(agent="agent-7", ended="saved"), End("discarded"))
    with pytest.raises(NotYet):
        agent.decide(None, End("saved"))
