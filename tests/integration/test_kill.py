"""An acknowledged interaction is never lost and never counted twice, whenever the process dies.

A child process ingests a file and tells how many lines are acknowledged; the test keeps that ledger,
kills the child with SIGKILL, and looks at what is on the disk. Then the next child goes on.
"""

import sqlite3
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from identity_engine import Engine
from identity_engine.adapters.clock import World
from tests.support.child import FAULTS, later
from tests.support.traffic import delivered, write_lines

KILLS = 50
LONGEST_LIFE = 0.2  # seconds
SMALL, LARGE = 5, 500


class Ledger:
    """A file, the store it goes into, and how many of its lines were acknowledged."""

    def __init__(self, folder, lines):
        self.lines = list(lines)
        self.file = write_lines(folder / "events.jsonl", self.lines)
        self.store = folder / "store"
        self.acknowledged = 0
        ends = [0]
        for line in self.lines:
            ends.append(ends[-1] + len(line.text) + 1)
        self.lines_before = {end: number for number, end in enumerate(ends)}

    def child(self, batch_size, fault=""):
        command = (self.store, self.file, batch_size, fault)
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.child", *map(str, command)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def ingest(self, batch_size, fault="", life=None):
        """Let a child ingest, for `life` seconds from when it is ready; return how it ended."""
        with self.child(batch_size, fault) as child:
            assert child.stdout.readline() == "ready\n"
            try:
                child.wait(life)
            except subprocess.TimeoutExpired:
                child.kill()
            said = child.stdout.read().split()
            # Each figure is written by one call, so a kill cannot have cut it.
            self.acknowledged = max([self.acknowledged, *map(int, said)])
            return child.wait()

    def kept(self, upto=None):
        """How many of the first lines are to be stored, and how many to be dead letters."""
        kinds = Counter(line.kind for line in self.lines[:upto])
        return kinds["new"], kinds["rejected"] + kinds["conflict"]

    def check_what_is_on_disk(self):
        """What is stored is a whole number of batches, and all that was acknowledged."""
        if not (self.store / "events.db").exists():
            assert self.acknowledged == 0
            return
        events, letters = self.count("events.db", EVENTS), self.count("dead_letters.db", LETTERS)
        (read,) = self.count("events.db", "SELECT MAX(position) FROM source_position") or (0,)
        lines = self.lines_before[read or 0]
        assert lines >= self.acknowledged
        stored, rejected = self.kept(lines)
        assert (events or (0,)) == (stored,)
        # Dead letters may be one batch ahead: they are synced before the batch commits.
        assert (letters or (0,))[0] >= rejected

    def count(self, name, statement):
        connection = sqlite3.connect(self.store / name)
        try:
            return connection.execute(statement).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return None
        finally:
            connection.close()

    def check_all_is_there_once(self):
        with Engine.open(self.store, World(now=later)) as engine:
            engine.follow()
            received = [
                (one.fact.personal.source, one.fact.personal.id)
                for one in engine.store.read(0, 10**9)
                if one.fact.TOPIC == "interaction.received"
            ]
            assert len(received) == len(set(received))
            assert set(received) == {line.key for line in self.lines if line.kind == "new"}
            assert len(engine.dead_letters.list(limit=500)) == self.kept()[1]
            assert all(verdict.is_sound for verdict in engine.verify())
            return engine.follower.views.canonical_hashes()


EVENTS = "SELECT COUNT(*) FROM stored_events WHERE topic = 'interaction.received'"
LETTERS = "SELECT COUNT(*) FROM dead_letters"


def undisturbed(folder, lines):
    folder.mkdir()
    ledger = Ledger(folder, lines)
    assert ledger.ingest(LARGE) == 0
    return ledger.check_all_is_there_once()


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_by_fifty_kills(tmp_path):
    lines = list(delivered(people=700, interactions=3_500, seed=20))
    ledger = Ledger(tmp_path, lines)
    lives = Random(20)
    kills = 0

    # On a busy machine the children get little done: then there are more of them.
    while kills < KILLS or ledger.acknowledged <= len(lines) // 10:
        code = ledger.ingest(SMALL, life=lives.uniform(0, LONGEST_LIFE))
        assert code in (-9, 0)
        ledger.check_what_is_on_disk()
        kills += code == -9
        assert ledger.acknowledged < len(lines), f"the file was too short for {KILLS} kills"

    assert ledger.ingest(LARGE) == 0
    assert ledger.acknowledged == len(lines)
    assert ledger.check_all_is_there_once() == undisturbed(tmp_path / "undisturbed", lines)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_or_doubled_at_a_named_point(tmp_path, fault):
    lines = list(delivered(people=40, interactions=150, seed=21))
    ledger = Ledger(tmp_path, lines)

    assert ledger.ingest(40, fault) == -9
    ledger.check_what_is_on_disk()
    assert ledger.acknowledged < len(lines)

    assert ledger.ingest(LARGE) == 0
    assert ledger.acknowledged == len(lines)
    assert ledger.check_all_is_there_once() == undisturbed(tmp_path / "undisturbed", lines)
