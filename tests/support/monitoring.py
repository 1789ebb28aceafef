"""Hears the logbook, and asks the monitor of a worker, as those who run it do."""

import json
import logging
from collections.abc import Callable
from contextlib import contextmanager
from threading import Event
from time import monotonic
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from identity_engine.monitoring.monitor import monitored
from identity_engine.observing.logbook import fields_of, heard_by

MOST_SECONDS = 10
PAUSE = 0.05  # seconds between two looks


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is seen; that it never is fails the test."""
    deadline = monotonic() + seconds
    while not seen():
        assert monotonic() < deadline, "it was never seen"
        Event().wait(PAUSE)


class Heard(logging.Handler):
    """Keeps what it hears."""

    def __init__(self, level=logging.DEBUG):
        super().__init__(level)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def told(self):
        return [fields_of(one) for one in self.records]


class Answers:
    """Asks a monitor."""

    def __init__(self, address):
        self._address = address

    def get(self, path):
        """Return status and text."""
        try:
            with urlopen(f"http://{self._address}{path}", timeout=MOST_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def problems(self, path):
        status, text = self.get(path)
        told = json.loads(text)
        assert (status == 200) == told["ok"]
        return told["problems"]

    def samples(self):
        """Return every sample: (name, labels) -> value."""
        _, text = self.get("/metrics")
        return {
            (one.name, *sorted(one.labels.values())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }


@contextmanager
def asked(engine, *, address="127.0.0.1:0", stopping=lambda: False, **given):
    """A monitor on a free port; yields who asks it, and what the loop asks."""
    heard = Heard()
    with heard_by(heard), monitored(engine, address, stopping, **given) as turning:
        (found,) = [fields for name, fields in heard.told() if name == "monitor_listening"]
        yield Answers(found["address"]), turning
