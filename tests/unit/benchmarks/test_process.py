from pathlib import Path

from tests.benchmarks.peers.process import Limits, Run, run_measured

AMPLE = Limits(seconds=10.0, gibibytes=1.0)


def test_a_command_that_ends_well_has_no_fault(tmp_path: Path) -> None:
    done = run_measured(["sh", "-c", "true"], AMPLE, tmp_path)

    assert done.fault == ""
    assert 0 < done.seconds < 10
    assert done.peak_bytes > 0


def test_a_command_that_fails_says_its_last_line(tmp_path: Path) -> None:
    done = run_measured(["sh", "-c", "echo much; echo no luck >&2; exit 3"], AMPLE, tmp_path)

    assert done.fault == "failed: no luck"


def test_a_command_that_does_not_exist_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    assert run_measured(["./absent"], AMPLE, tmp_path).fault.startswith("failed: No such file")


def test_a_command_over_its_limit_is_killed_with_all_it_started(tmp_path: Path) -> None:
    done = run_measured(["sh", "-c", "sleep 60 & sleep 60"], Limits(0.05, 1.0), tmp_path)

    assert done.fault == "not ready after 0 s"
    assert done.seconds < 10


def test_a_command_over_its_memory_is_killed(tmp_path: Path) -> None:
    done = run_measured(["sleep", "60"], Limits(10.0, 1e-9), tmp_path)

    assert done.fault == "stopped at 1e-09 GiB"
    assert done.seconds < 10


def test_runs_add_up_in_time_and_not_in_memory() -> None:
    assert Run(1.0, 0.5, 30) + Run(2.0, 1.0, 20, "failed") == Run(3.0, 1.5, 30, "failed")
