"""Starts workers as child processes and waits for what they tell; every wait has an end."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from identity_engine.settings.kafka import Subscription

MOST_SECONDS = 60


class Child:
    """A module in a process of its own. A context manager: at its end the process is gone."""

    def __init__(self, module: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words], stdout=subprocess.PIPE, text=True
        )
        self.told: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_for(
        self, word: str, number: int | None = None, *, seconds: float = MOST_SECONDS
    ) -> int:
        """Return the number behind a word, once it is told (and at least as large, if one is given)."""
        deadline = time.monotonic() + seconds
        for line in self.told:
            if (found := _number(line, word, number)) is not None:
                return found
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, f"it ended before it told {word} {number}: {self.told}"
            self.told.append(line)
            if (found := _number(line, word, number)) is not None:
                return found

    def hears(self, word: str) -> bool:
        """Tell whether it has told this since it was asked, or waited for, last."""
        heard = False
        with contextlib.suppress(queue.Empty):
            while True:
                line = self._lines.get_nowait()
                if line is None:
                    self._lines.put(None)  # for whoever waits for its end
                    break
                self.told.append(line)
                heard = heard or line.partition(" ")[0] == word
        return heard

    def last(self, word: str) -> int:
        """Return the number told last behind a word among what was waited for, 0 before the first."""
        return max((_number(line, word, None) or 0 for line in self.told), default=0)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait_until_stopped(self) -> None:
        """Wait until it has been stopped by SIGSTOP."""
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def end(self, seconds: float = MOST_SECONDS) -> int:
        """Wait for its end and return its exit code, negative for a signal."""
        code = self._process.wait(seconds)
        while (line := self._lines.get(timeout=MOST_SECONDS)) is not None:
            self.told.append(line)
        return code

    @property
    def numbers(self) -> Any:
        """What it told at its end."""
        return json.loads(self.told[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as told:
            for line in told:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


class Worker(Child):
    """A worker that consumes."""

    def __init__(self, store: str | Path, subscription: Subscription, *words: str) -> None:
        given = {name: getattr(subscription, name) for name in subscription.__struct_fields__}
        given["settings"] = subscription.settings.model_dump()
        super().__init__(
            "tests.support.kafka.child", str(store), orjson.dumps(given).decode(), *words
        )


def _number(line: str, word: str, least: int | None) -> int | None:
    said, _, number = line.partition(" ")
    if said != word or (least is not None and int(number) < least):
        return None
    return int(number)
