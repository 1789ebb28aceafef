"""Links and truths read from CSV files, and how well the ones agree with the others."""

import csv
from collections.abc import Sequence
from pathlib import Path

from identity_engine.errors import UsageError
from matchers.evaluation import Interaction, Quality, evaluate

SHOWN_FAULTS = 10


def evaluate_files(links: Path, truth: Path) -> Quality:
    """Compare the links of a file with the truth of another.

    Raises:
        UsageError: a file has not the columns it should have, or says nothing of an interaction, or two
            things.
    """
    return evaluate(_column(links, "contact_id"), read_truth(truth))


def read_truth(path: Path) -> dict[Interaction, str]:
    """Read who each interaction was: (source, id) -> person.

    Raises:
        UsageError: the file is not there, has not the columns it should have, or says nothing of an
            interaction, or two things.
    """
    return _column(path, "person")


def _column(path: Path, wanted: str) -> dict[Interaction, str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = {"source", "interaction_id", wanted} - set(reader.fieldnames or ())
            if missing:
                raise UsageError(f"{path.name} has no column {', '.join(sorted(missing))}.")
            return _said_of_each(path.name, reader, wanted)
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8.") from None


def _said_of_each(name: str, reader: "csv.DictReader[str]", wanted: str) -> dict[Interaction, str]:
    """Read what the column says of each interaction.

    Why an empty cell is a fault: all rows with one would be one person.
    """
    said: dict[Interaction, str] = {}
    faults = []
    for row in reader:
        cells = [row[column] or "" for column in ("source", "interaction_id", wanted)]
        if not all(cell.strip() for cell in cells):
            faults.append(
                f"line {reader.line_num}: a cell is empty; leave out the row, or fill it in"
            )
        elif said.setdefault((cells[0], cells[1]), cells[2]) != cells[2]:
            faults.append(
                f"line {reader.line_num}: an earlier line gives this interaction another {wanted}"
            )
    if faults:
        raise UsageError(_listed(name, faults))
    return said


def _listed(name: str, faults: Sequence[str]) -> str:
    lines = [f"  {fault}" for fault in faults[:SHOWN_FAULTS]]
    more = len(faults) - SHOWN_FAULTS
    if more > 0:
        lines.append(f"  and {more} more")
    return "\n".join([f"{name} cannot be used:", *lines])
