"""Which database the stores of a test run lie in."""


def pytest_addoption(parser):
    parser.addoption(
        "--store",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="where the stores of engines lie that tests open in a folder or in memory",
    )


def pytest_configure(config):
    if config.getoption("--store") == "postgres":
        from tests.support.stores import OnPostgres

        OnPostgres().install()
