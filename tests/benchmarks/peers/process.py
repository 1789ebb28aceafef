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
SAMPLE_SECONDS = 0.5
KIB = 1024
GIB = 1024**3


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use; beyond it, the process and all it started are killed."""

    seconds: float
    gibibytes: float


def run_measured(command: Sequence[str], limits: Limits, folder: Path) -> Run:
    """Run a command in a folder until its end or its limits."""
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            return Run(fault=f"failed: {error.strerror}")
        try:
            fault, usage, largest = _wait(process, limits)
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        seconds = time.monotonic() - start
        output.seek(0)
        return Run(
            seconds,
            usage.ru_utime + usage.ru_stime,
            max(largest, usage.ru_maxrss * KIB),
            fault or _fault(process.returncode, output.read()),
        )


def _wait(
    process: subprocess.Popen[bytes], limits: Limits
) -> tuple[str, resource.struct_rusage, int]:
    """Wait for the end and give the limit that was passed, the use, and the largest sample."""
    start = time.monotonic()
    fault, largest, next_sample = "", 0, 0.0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return fault, usage, largest
        seconds = time.monotonic() - start
        if seconds > next_sample:
            largest = max(largest, _memory_of(process.pid))
            next_sample = seconds + SAMPLE_SECONDS
        if not fault and (fault := _passed(limits, seconds, largest)):
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _passed(limits: Limits, seconds: float, memory: int) -> str:
    if seconds > limits.seconds:
        return f"not ready after {limits.seconds:.0f} s"
    if memory > limits.gibibytes * GIB:
        return f"stopped at {limits.gibibytes:g} GiB"
    return ""


def _memory_of(session: int) -> int:
    """Sum what all processes of a session hold, pages in common counted once."""
    members = [folder for folder in Path("/proc").glob("[0-9]*") if _session(folder) == session]
    return sum(map(_share, members))


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


def _fault(status: int, output: bytes) -> str:
    if status == 0:
        return ""
    lines = output.decode(errors="replace").strip().splitlines()
    return f"failed: {lines[-1]}" if lines else f"failed with {status}"
