from pathlib import Path

import pytest

from matchers.evaluation import evaluate
from tests.benchmarks.peers import run
from tests.benchmarks.peers.process import Limits, Run
from tests.benchmarks.peers.tables import Outcome, result_tables

QUALITY = evaluate({("s", "1"): "a", ("s", "2"): "a"}, {("s", "1"): "p", ("s", "2"): "p"})
MIB = 1024 * 1024
LIMITS = Limits(seconds=10.0, gibibytes=1.0)


def _tool(python: Path = Path(__file__)) -> run.Tool:
    return run.Tool("tool", "tool", python, lambda *_: [["first"], ["second"]])


@pytest.fixture(autouse=True)
def _runs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ENVIRONMENTS", tmp_path)


def test_a_table_for_each_stream_and_a_row_for_each_tool() -> None:
    outcomes = [
        Outcome("ours", "small", "", Run(1.5, 1.25, 100 * MIB), QUALITY),
        Outcome("other", "small", "not ready after 9 s", Run(9.0, 8.0, 200 * MIB)),
        Outcome("ours", "large", "no environment ours"),
    ]

    small, large = result_tables(outcomes, {"ours": "0.1.0", "other": "7"}).split("\n\n")

    heads, _, ours, other = small.splitlines()
    assert heads.startswith("| small | F1 | precision | recall | B-cubed F1 | wall time |")
    assert ours == "| ours 0.1.0 | 1.0000 | 1.0000 | 1.0000 | 1.0000 | 1.5 s | 1.2 s | 100 MiB |"
    assert other == "| other 7 | not ready after 9 s |  |  |  | 9.0 s | 8.0 s | 200 MiB |"
    assert large.splitlines()[2] == "| ours 0.1.0 | no environment ours |  |  |  |  |  |  |"


def test_a_tool_without_an_environment_is_a_row_that_says_so(tmp_path: Path) -> None:
    tool = _tool(tmp_path / "tool" / "bin" / "python")

    assert run.measure(tool, tmp_path, "t", LIMITS).fault == "no environment tool"


def test_the_limit_is_that_of_all_commands_of_a_tool_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = []

    def measured(command: list[str], limits: Limits, _folder: Path) -> Run:
        allowed.append(limits.seconds)
        return Run(4.0, 3.0, 7, "not ready after 6 s" if command == ["second"] else "")

    monkeypatch.setattr(run, "run_measured", measured)

    outcome = run.measure(_tool(), tmp_path, "t", LIMITS)

    assert allowed == [10.0, 6.0]
    assert outcome == Outcome("tool", "t", "not ready after 6 s", Run(8.0, 6.0, 7, outcome.fault))


def test_after_a_fault_the_other_tools_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter(["failed: out of memory", ""])
    monkeypatch.setattr(run, "run_measured", lambda *_: Run(1.0, 1.0, 1, next(faults, "")))
    monkeypatch.setattr(run, "judged", lambda *_: QUALITY)

    outcomes = run.measure_all([_tool(), _tool()], ["t"], tmp_path, LIMITS)

    assert [outcome.fault for outcome in outcomes] == ["failed: out of memory", ""]
    assert outcomes[1].quality == QUALITY
