"""A command in a process of its own: how long it took, what it used, whether it came to an end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02
SAMPLE_SECONDS = 0.25
KIB = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """What commands used that ran one after another."""

    seconds: float = 0.0
    """From the start of the process to its end."""
    cpu_seconds: float = 0.0
    """Of all its processes: comparable even where others use the same processor."""
    peak_bytes: int = 0
    fault: str = ""
    """Why there is no result; empty after success."""

    def __add__(self, later: Run) -> Run:
        return Run(
            self.seconds + later.seconds,
            self.cpu_seconds + later.cpu_seconds,
            max(self.peak_bytes, later.peak_bytes),
            self.fault or later.fault,
        )


def run_measured(command: Sequence[str], limit: float, folder: Path) -> Run:
    """Run a command until its end or its limit.

    Args:
        limit: seconds after which the process and all it started are killed.
        folder: where it runs.
    """
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            return Run(fault=f"failed: {error.strerror}")
        try:
            status, usage, largest = _wait(process, start + limit)
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        seconds = time.monotonic() - start
        output.seek(0)
        return Run(
            seconds,
            usage.ru_utime + usage.ru_stime,
            max(largest, usage.ru_maxrss * KIB),
            _fault(status, limit, output.read()),
        )


def _wait(
    process: subprocess.Popen[bytes], deadline: float
) -> tuple[int | None, resource.struct_rusage, int]:
    """Wait for the end and give status, use and largest sample; a killed one has no status."""
    largest, next_sample, in_time = 0, 0.0, True
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode if in_time else None, usage, largest
        now = time.monotonic()
        if in_time and now > deadline:
            in_time = False
            os.killpg(process.pid, signal.SIGKILL)
        if now > next_sample:
            largest = max(largest, _memory_of(process.pid))
            next_sample = now + SAMPLE_SECONDS
        time.sleep(POLL_SECONDS)


def _memory_of(session: int) -> int:
    """Sum what all processes of a session hold, pages in common counted once."""
    members = [folder for folder in Path("/proc").glob("[0-9]*") if _session(folder) == session]
    return sum(map(_share, members)) if len(members) > 1 else 0


def _session(folder: Path) -> int:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return int(fields[3])


def _share(folder: Path) -> int:
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:"))


def _fault(status: int | None, limit: float, output: bytes) -> str:
    if status is None:
        return f"not ready after {limit:.0f} s"
    if status == 0:
        return ""
    lines = output.decode(errors="replace").strip().splitlines()
    return f"failed: {lines[-1]}" if lines else f"failed with {status}"
