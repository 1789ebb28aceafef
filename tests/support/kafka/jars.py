"""The jars of a Kafka broker, fetched once by Maven into the user's cache.

    python -m tests.support.kafka.jars

prepares them ahead of the tests. Only the standard library is imported, so any Python will do.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
MOST_SECONDS = 600


class NoBroker(Exception):  # noqa: N818 - it is an answer: what this machine lacks
    """A real broker cannot be had here; the message says what is missing."""


def jars() -> Path:
    """Return the folder of the jars, filled by Maven if that has not been done.

    Raises:
        NoBroker: Java or Maven is missing, or Maven cannot fetch them.
    """
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        raise NoBroker(f"not installed: {', '.join(missing)}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = cache / "identity-engine" / f"kafka-jars-{version}"
    if not folder.exists():
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Let Maven fill a folder beside it, and put that in its place whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        shutil.copy(POM, scratch)
        fetched = Path(scratch, "jars")
        done = subprocess.run(
            [
                *("mvn", "-q", "-B", "-f", str(Path(scratch, POM.name))),
                *("dependency:copy-dependencies", "-DincludeScope=runtime"),
                f"-DoutputDirectory={fetched}",
            ],
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
        if done.returncode:
            raise NoBroker(f"Maven could not fetch the jars: {done.stdout[-2_000:]}")
        try:
            fetched.rename(folder)
        except OSError:  # another process has put its own there meanwhile
            if not folder.exists():
                raise


if __name__ == "__main__":
    sys.stdout.write(f"{jars()}\n")
