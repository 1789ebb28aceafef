"""What the command line shows: text for people, one JSON document for programs, progress for both."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
from msgspec import Struct
from msgspec.structs import asdict
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from identity_engine.application.command import Done
from identity_engine.application.explanation.sentences import Language, language_of
from identity_engine.cli.terminal.text import on_one_line
from identity_engine.errors import UsageError
from identity_engine.settings import locale_of_user
from projections.base import ID

DRY_RUN = "Dry run, nothing is written: "
NARROWEST = 12  # cells of a terminal
GAP = 2  # cells between columns
Found = TypeVar("Found")
screen = Console(highlight=False, soft_wrap=True, emoji=False)


def language(chosen: Language | None) -> Language:
    """Return the language to answer in: the chosen one, else the user's."""
    return chosen or language_of(locale_of_user())


def read_content(path: Path) -> bytes:
    """Return what is in a file that a user has named.

    Raises:
        UsageError: it cannot be read; the message names it.
    """
    try:
        return path.read_bytes()
    except OSError:
        raise UsageError(f"There is no file {path} that can be read.") from None


def show_json(answer: Any) -> None:
    """Write one JSON document to standard output."""
    written = orjson.dumps(answer, default=_as_object, option=orjson.OPT_INDENT_2)
    sys.stdout.write(written.decode() + "\n")


def show_json_line(answer: Any) -> None:
    """Write one JSON document on one line."""
    sys.stdout.write(orjson.dumps(answer, default=_as_object).decode() + "\n")


def answer(found: Found, show_it: Callable[[Found], object], *, json: bool) -> None:
    """Answer with one JSON document for programs, or with what `show_it` writes for people."""
    if json:
        show_json(found)
    else:
        show_it(found)


def answer_rows(
    found: Sequence[Found],
    columns: Sequence[str],
    row: Callable[[Found], Sequence[object]],
    *,
    none: str,
    json: bool,
) -> None:
    """Answer with a list: one JSON document, or a table with a row for each; see `show_table`."""
    answer(found, lambda all_: show_table(columns, map(row, all_), none=none), json=json)


def _as_object(answer: Any) -> dict[str, Any]:
    """Show a record with the names of its fields, as dataclasses are."""
    if isinstance(answer, Struct):
        return asdict(answer)
    if not hasattr(answer, "_asdict"):
        raise TypeError
    named: dict[str, Any] = answer._asdict()
    return named


def show(text: str = "", style: str | None = None) -> None:
    """Write a line for people; neither markup nor control characters in values are obeyed."""
    screen.print(on_one_line(text), style=style, markup=False)


def remark(text: str) -> None:
    """Write a line for people beside the answer, to standard error: programs read the answer alone."""
    sys.stderr.write(f"{on_one_line(text)}\n")


def show_lines(text: str) -> None:
    """Write a text of several lines for people, each as `show` does."""
    for line in text.split("\n"):
        show(line)


def cells_wide(text: str) -> int:
    """Return how many cells of a terminal a text takes; kana and kanji take two each."""
    return cell_len(text)


def show_done(done: Done, said: str, *, json: bool, whole: object = None) -> None:
    """Say what a command did, or in a dry run would do.

    Args:
        done: what it did.
        said: the sentence, without its stop.
        json: answer for programs.
        whole: what programs are told; None for `done`.
    """
    if json:
        show_json(done if whole is None else whole)
    elif not done.written:
        show("Nothing to change.")
    else:
        show(f"{said}." if done.position is not None else f"{DRY_RUN}{said}.")


def tasks_due(due: int, waiting: int) -> str:
    """Say what a dry run of a worker found: how many tasks are due, of how many that wait."""
    said = f"{DRY_RUN}{counted(due, 'task is', 'tasks are')} due"
    return f"{said}, {waiting - due} put off." if waiting > due else f"{said}."


def timestamp(moment: str | None) -> str:
    """Return a stored time to the second, for people; nothing for None."""
    return (moment or "")[:19]


def day(moment: str) -> str:
    """Return the day of a stored time, for people."""
    return moment[:10]


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: `1 link`, `2 links`.

    Args:
        count: how many there are.
        one: the noun for one.
        several: the noun for any other number; None for `one` with an s.
    """
    return f"{count} {one if count == 1 else several or one + 's'}"


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, none: str, title: str = ""
) -> None:
    """Write a table for people, or the sentence `none` (nothing if empty) where it has no rows.

    A row that is not for a terminal stays on one line, so that it can be searched and cut. On a terminal
    long texts fold, but no column gets narrower than `NARROWEST`: a row that needs more runs over.
    """
    widths = []
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        if none:
            show(none)
        return
    table = Table(
        title=on_one_line(title) or None,
        title_justify="left",
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )
    for place, column in enumerate(columns):
        # An id is there to be copied, so it stays in one piece.
        has_ids = any(ID.fullmatch(row[place]) for row in cells)
        natural = max(map(cell_len, (column, *(row[place] for row in cells))))
        least = natural if has_ids else min(natural, NARROWEST)
        widths.append((least, natural))
        table.add_column(column, overflow="fold", no_wrap=has_ids, min_width=least)
    least, natural = (sum(width) + GAP * len(columns) for width in zip(*widths, strict=True))
    if not screen.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        table.width = natural
    elif least > screen.width:
        table.width = least
    for row in cells:
        table.add_row(*row)
    screen.print(table, markup=False)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while work goes on; silent where it is not a terminal.

    Yields:
        A function that takes how far the work is (not how much was added).
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        MofNCompleteColumn() if total is None else TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(on_one_line(label), total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def counting(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar as `progress` does; the function yielded takes how much was added."""
    done = 0
    with progress(label, total) as move:

        def add(count: int) -> None:
            nonlocal done
            done += count
            move(done)

        yield add


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}"
    return on_one_line(str(value)).replace("\t", " ")
