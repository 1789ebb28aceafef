"""The documentation is a contract: what it shows runs, what it lists is whole, links lead somewhere."""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.snippets import Shell, blocks, commands

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
READ_FIRST = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES = [*READ_FIRST, *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
SAMPLES = (".jsonl", ".csv", ".json")


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(DOCS))  # as for a script: it imports what stands beside it
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(DOCS))
    return module


generate: Any = _generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the reader has it: empty but for the sample files that lie beside the pages."""
    for sample in DOCS.rglob("*"):
        if sample.suffix in SAMPLES:
            shutil.copy(sample, tmp_path)
    return tmp_path


def _with(language: str) -> list[Path]:
    return [page for page in PAGES if page.exists() and blocks(page.read_text("utf-8"), language)]


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_generated_parts_say_what_the_code_says(page: Path) -> None:
    text = page.read_text("utf-8")
    assert generate.regenerated(text) == text, "run: .venv/bin/python docs/generate.py"


@pytest.mark.parametrize("name", generate.FILES)
def test_generated_files_say_what_the_code_says(name: str) -> None:
    content = (DOCS / name).read_bytes()
    assert content == generate.FILES[name](), "run: .venv/bin/python docs/generate.py"


@pytest.mark.slow
@pytest.mark.parametrize("page", _with("console"), ids=_named)
def test_commands_answer_what_the_page_shows(page: Path, folder: Path) -> None:
    with Shell(folder) as shell:
        for command in commands(page.read_text("utf-8")):
            shell.check(command)


@pytest.mark.parametrize("page", _with("python"), ids=_named)
def test_python_on_a_page_runs(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(page.read_text("utf-8"), "python"), 1):
        exec(compile(block, f"{_named(page)} block {number}", "exec"), names)


@pytest.mark.parametrize("page", _with("json"), ids=_named)
def test_json_on_a_page_is_json(page: Path) -> None:
    for block in blocks(page.read_text("utf-8"), "json"):
        json.loads(block)


@pytest.mark.parametrize("page", _with("sh"), ids=_named)
def test_make_targets_on_a_page_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = re.findall(r"^make (\w+)", "".join(blocks(page.read_text("utf-8"), "sh")), re.MULTILINE)
    assert set(shown) <= targets


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    lost = [target for target in targets if target and not (page.parent / target).exists()]
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    lost = []
    for file, name in TEST.findall(page.read_text("utf-8")):
        path = ROOT / file
        if not path.exists() or (name and f"def {name}(" not in path.read_text("utf-8")):
            lost.append(f"{file}::{name}")
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in reached or here.suffix != ".md":
            continue
        reached.add(here)
        links = [link.partition("#")[0] for link in LINK.findall(here.read_text("utf-8"))]
        waiting += [(here.parent / link).resolve() for link in links if link and "://" not in link]
    assert page in reached


def test_every_option_of_every_verb_says_what_it_means() -> None:
    silent = [
        f"{typed} {argument.names[0]}"
        for typed, verb in generate.verbs()
        for argument in verb.assemble_argument_collection(parse_docstring=True)
        if argument.show and not argument.parameter.help
    ]
    assert not silent


def test_every_verb_is_shown_at_work_somewhere() -> None:
    shown = "\n".join(
        re.sub(r"identity-engine --store \S+", "identity-engine", page.read_text("utf-8"))
        for page in PAGES
        if page.name != "cli.md"
    )
    assert [typed for typed, _ in generate.verbs() if typed not in shown] == []


def test_every_part_that_can_be_generated_is_on_a_page() -> None:
    used = {name for page in PAGES for _, name, _ in generate.PART.findall(page.read_text("utf-8"))}
    assert used == set(generate.PARTS)


def test_decisions_are_numbered_without_a_gap_and_name_what_was_rejected() -> None:
    decisions = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in decisions] == [*range(1, len(decisions) + 1)]
    for page in decisions:
        text = page.read_text("utf-8")
        assert all(f"## {part}" in text for part in ("Decision", "Rejected", "Consequences")), page
