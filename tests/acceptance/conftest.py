"""A command line with an empty store."""

from pathlib import Path

import pytest

from tests.acceptance.commands import CommandLine


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """A command line whose store does not exist yet."""
    return CommandLine(tmp_path, capsys)


@pytest.fixture
def filled(cli: CommandLine) -> CommandLine:
    """A command line whose store holds the small traffic."""
    assert cli("ingest", cli.traffic()).code == 0
    return cli
