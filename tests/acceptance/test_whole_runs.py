"""Runs that take their time: an ingest stopped by its user, and the demo."""

import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.commands import in_own_process, program
from tests.support.traffic import delivered, write_lines

INTERACTIONS = 5_000
"""So many that the ingest is still at work when its first batch is on disk."""


def test_ctrl_c_during_an_ingest_loses_nothing(cli):
    traffic = [line for line in delivered(200, INTERACTIONS, 1) if line.kind == "new"]
    file = write_lines(cli.folder / "long.jsonl", traffic)
    running = subprocess.Popen(
        program("ingest", file, "--store", cli.store),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background of a shell ignores Ctrl-C, and so does all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    interrupt_after_a_batch(running, cli.store / "events.db")
    shown, told = running.communicate(timeout=60)

    assert (running.returncode, shown) == (130, "")
    assert told == (
        "error: Stopped. All acknowledged work is stored; the same command goes on from there.\n"
    )
    before = links(cli)
    assert 0 < before < INTERACTIONS

    rest = cli("ingest", file, "--json").document

    assert (rest["accepted"], rest["duplicates"]) == (INTERACTIONS - before, 0)
    assert rest["resumed_at"] > 0
    assert links(cli) == INTERACTIONS
    assert cli("projections", "verify").code == 0


STOPPED_WHILE_IMPORTING = """
import sys

class Stops:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stops())
from identity_engine.cli.main import run
run(["search", "anna"])
"""


@pytest.mark.parametrize("module", ["terminal.text", "app"])
def test_ctrl_c_before_a_verb_has_begun_is_one_line(module):
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IMPORTING, f"identity_engine.cli.{module}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 130
    assert ended.stderr.startswith("error: Stopped.")
    assert len(ended.stderr.splitlines()) == 1


def interrupt_after_a_batch(running: "subprocess.Popen[str]", events: Path) -> None:
    """Press Ctrl-C once the log holds more than the rules a store starts with."""
    while running.poll() is None:
        if count_events(events) > 100:
            running.send_signal(signal.SIGINT)
            return
    raise AssertionError("the ingest was over before it could be stopped")


def count_events(events: Path) -> int:
    """The number of events in the log; 0 while the store is being made."""
    try:
        with closing(sqlite3.connect(f"file:{events}?mode=ro", uri=True)) as log:
            return int(log.execute("SELECT COUNT(*) FROM stored_events").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def links(cli) -> int:
    """How many interactions are linked."""
    return cli("export", "links", "--out", cli.folder / "links.csv", "--json").document["links"]


@pytest.mark.slow
def test_the_demo_ends_well_and_the_commands_it_prints_run(tmp_path):
    size = ("--people", 150, "--interactions", 900)

    answer = in_own_process("demo", "--folder", tmp_path / "demo", *size)

    assert (answer.code, answer.err) == (0, "")
    assert "precision" in answer.out
    assert "Recall counts pairs." in answer.out
    printed = re.findall(r"^  \S*identity-engine (--store .+)$", answer.out, re.MULTILINE)
    assert len(printed) == 3
    for command in printed:
        assert in_own_process(*command.split()).code == 0, command


def test_a_demo_takes_nothing_away_that_no_demo_made(cli):
    (cli.folder / "letters").mkdir()
    (cli.folder / "letters" / "one.txt").write_text("Dear Anna")

    for folder in ("letters", "letters/one.txt"):
        answer = in_own_process("demo", "--folder", cli.folder / folder)
        assert answer.code == 2
        assert "holds what no demo made" in answer.err
    assert (cli.folder / "letters" / "one.txt").read_text() == "Dear Anna"
