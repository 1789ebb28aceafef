"""The files that the simulator leaves behind."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from identity_engine.errors import UsageError
from identity_engine.simulation import Summary, simulate, write_simulation

WRITE = """
import sys
from pathlib import Path
from identity_engine.simulation import write_simulation
write_simulation(60, 400, 9, Path(sys.argv[1]), Path(sys.argv[2]))
"""


def write(folder: Path, name: str = "events.jsonl") -> tuple[Path, Path, Summary]:
    out, truth = folder / name, folder / "truth.csv"
    return out, truth, write_simulation(60, 400, 9, out, truth)


def test_the_truth_table_names_every_event_in_order(tmp_path: Path) -> None:
    out, truth, summary = write(tmp_path)
    events = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    with truth.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["interaction_id"]) for row in rows] == [
        (event["source"], event["id"]) for event in events
    ]
    assert [(event, row["person"]) for event, row in zip(events, rows, strict=True)] == list(
        simulate(60, 400, 9)
    )
    assert summary.interactions == len(events) == 400
    assert summary.people == len({row["person"] for row in rows}) <= 60
    assert sum(summary.channels.values()) == sum(summary.languages.values()) == 400


def test_a_name_in_gz_holds_the_same_events_compressed(tmp_path: Path) -> None:
    plain, _, _ = write(tmp_path)
    packed, _, _ = write(tmp_path, "events.jsonl.gz")
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    again = packed.read_bytes()
    write(tmp_path, "events.jsonl.gz")
    assert packed.read_bytes() == again


def test_the_files_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    out, truth, _ = write(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in (out, truth)} == {0o600}
    assert sorted(tmp_path.iterdir()) == sorted([out, truth])


def test_a_failure_leaves_the_older_files_as_they_were(tmp_path: Path) -> None:
    out, truth, _ = write(tmp_path)
    before = out.read_bytes(), truth.read_bytes()

    def full_disk(_: int) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_simulation(60, 400, 10, out, truth, full_disk)
    assert (out.read_bytes(), truth.read_bytes()) == before
    assert sorted(tmp_path.iterdir()) == sorted([out, truth])


def test_progress_ends_at_the_number_of_interactions(tmp_path: Path) -> None:
    seen: list[int] = []
    write_simulation(60, 900, 9, tmp_path / "out", tmp_path / "truth", seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 900
    assert len(seen) > 1


def test_one_file_for_both_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Name two"):
        write_simulation(5, 5, 1, tmp_path / "same", tmp_path / "same")


def test_the_bytes_depend_on_nothing_but_the_arguments(tmp_path: Path) -> None:
    written = set()
    surroundings = [("0", "UTC", "C"), ("4242", "Asia/Tokyo", "de_DE.UTF-8")]
    for hash_seed, zone, locale in surroundings:
        out, truth = tmp_path / f"{hash_seed}.jsonl.gz", tmp_path / f"{hash_seed}.csv"
        subprocess.run(
            [sys.executable, "-c", WRITE, str(out), str(truth)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone, "LC_ALL": locale},
            check=True,
            timeout=60,
        )
        written.add((out.read_bytes(), truth.read_bytes()))
    assert len(written) == 1


def test_the_world_of_a_seed_is_the_same_in_every_python_and_on_every_machine(
    tmp_path: Path,
) -> None:
    out, truth, _ = write(tmp_path)
    digest = hashlib.sha256(out.read_bytes() + truth.read_bytes()).hexdigest()
    assert digest == "581d9381e98e5d03b04cd1167a80aeb402981a07298e5d81fb88ab36bbdeec1a"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    plain, _, _ = write(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        write(tmp_path, "pipe")
        assert reader.communicate()[0] == plain.read_bytes()
    assert pipe.is_fifo()


def test_a_link_stays_one_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("old")
    (tmp_path / "link").symlink_to("elsewhere")
    write(tmp_path, "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere").read_text().startswith("{")


def test_a_link_is_compressed_if_its_own_name_says_so(tmp_path: Path) -> None:
    plain, _, _ = write(tmp_path)
    (tmp_path / "link.gz").symlink_to(tmp_path / "there")

    write(tmp_path, "link.gz")

    assert gzip.decompress((tmp_path / "there").read_bytes()) == plain.read_bytes()


def test_a_pipe_without_a_name_is_written_into(tmp_path: Path) -> None:
    plain, _, _ = write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", WRITE, "/dev/stdout", str(tmp_path / "truth")],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert done.stdout == plain.read_bytes()


def test_links_that_go_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path, "circle")
