"""Nothing depends on the hash seed, the language, the time zone or the size of the batches."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.traffic import delivered, write_lines

PLAIN_C = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENVIRONMENTS = {
    "plain C in London": ({"PYTHONHASHSEED": "0", "TZ": "UTC", **PLAIN_C}, 7),
    "Japanese in Tokyo": (
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "ja_JP.UTF-8", "LANG": "ja_JP.UTF-8"},
        50,
    ),
    "Turkish in New York": (
        {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR"},
        123,
    ),
    "UTF-8 in Apia": (
        {"PYTHONHASHSEED": "random", "TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
        1_000,
    ),
}


def fingerprint(environment, *arguments):
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LC_ALL", "LANG", "LANGUAGE", "TZ") and not name.startswith("PYTHON")
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.fingerprint", *map(str, arguments)],
        env=clean | environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What each environment made of the same file, in a store of its own."""
    folder = tmp_path_factory.mktemp("environments")
    file = write_lines(folder / "events.jsonl", delivered(people=60, interactions=220, seed=30))
    return {
        name: (folder / name, fingerprint(environment, folder / name, file, batch_size))
        for name, (environment, batch_size) in ENVIRONMENTS.items()
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_comes_to_the_same_contacts(runs, name):
    _, first = runs["plain C in London"]
    _, made = runs[name]

    assert made["is_sound"]
    assert made["canonical"] == first["canonical"]
    assert made["faults"] == first["faults"] != {}


def test_a_store_made_in_one_environment_says_the_same_in_all_others(runs):
    store, made = runs["Japanese in Tokyo"]

    for environment, _ in ENVIRONMENTS.values():
        assert fingerprint(environment, store) == made
