"""The CRM is told once, whenever the worker dies, and by however many workers."""

import os
import signal
import subprocess
import sys

import pytest

from aggregates.access import Action
from identity_engine import Engine
from identity_engine.adapters.clock import World
from identity_engine.application.crm.due import Due
from tests.support.child import later
from tests.support.crm import activities, arrives, connect, happens, topics
from tests.support.crm_child import POINTS
from tests.support.crm_servers import TOKEN, Rest, listening

SENT_BEFORE = {"activity_sent_and_answer_not_noted", "answer_written_and_not_committed"}
"""Points after which the CRM has the activity and we do not know it, so it is sent again."""


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_crm_is_told_once(point, tmp_path, monkeypatch):
    with listening(Rest) as server:
        with Engine.open(tmp_path, World(now=later)) as engine:
            connect(engine, server, monkeypatch)
            call = arrives(engine)
            engine.desk.crm.link(call, "contact", "003A")
            happens(engine, call, "accepted", "ended", "wrapped_up")

        killed = subprocess.run(
            [sys.executable, "-m", "tests.support.crm_child", str(tmp_path), point],
            env=os.environ | {"CRM_TOKEN": TOKEN},
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL

        with Engine.open(tmp_path, World(now=later)) as engine:
            engine.desk.crm.work()
            worked = engine.desk.crm.work()
            assert (worked.due, worked.written, worked.waiting) == (0, 0, 0)
            assert topics(engine) == ["record_linked", "write_back_due", "written_back"]
            (link,) = engine.desk.crm.status(call).links
            engine.follow()
            assert all(one.is_sound for one in engine.verify())

        (activity,) = activities(server)
        assert (activity["key"], link.state) == (link.link_id, "written")
        assert activity["version"] == (2 if point in SENT_BEFORE else 1)


def test_two_workers_that_read_the_same_events_note_each_turn_once(tmp_path, monkeypatch):
    with listening(Rest) as server, Engine.open(tmp_path, World(now=later)) as engine:
        connect(engine, server, monkeypatch)
        call = arrives(engine)
        engine.desk.crm.link(call, "contact", "003A")
        happens(engine, call, "accepted", "ended", "wrapped_up")
        one, other = (
            Due(engine.desk.crm.under(Action.OPERATIONS_REDRIVE), engine.context.rules.settings.crm)
            for _ in range(2)
        )
        engine.follow()
        events = one._read(0, engine.store.head())

        assert (one._take(events), other._take(events)) == (1, 0)
        assert other.follow() == 0
        assert topics(engine) == ["record_linked", "write_back_due"]
