"""Links and truths read from CSV files, and how well the ones agree with the others."""

import csv
from pathlib import Path

from identity_engine.errors import UsageError
from matchers.evaluation import Interaction, Quality, evaluate


def evaluate_files(links: Path, truth: Path) -> Quality:
    """Compare the links of a file with the truth of another.

    Raises:
        UsageError: a file has not the columns it should have.
    """
    return evaluate(_column(links, "contact_id"), read_truth(truth))


def read_truth(path: Path) -> dict[Interaction, str]:
    """Read who each interaction was: (source, id) -> person.

    Raises:
        UsageError: the file is not there or has not the columns it should have.
    """
    return _column(path, "person")


def _column(path: Path, wanted: str) -> dict[Interaction, str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = {"source", "interaction_id", wanted} - set(reader.fieldnames or ())
            if missing:
                raise UsageError(f"{path.name} has no column {', '.join(sorted(missing))}.")
            return {(row["source"], row["interaction_id"]): row[wanted] for row in reader}
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8.") from None
