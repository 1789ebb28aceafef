"""GoldenMatch as its documentation starts: a table in, clusters out, no configuration.

The columns carry the names of the original tables, because the tool reads them.
"""

from __future__ import annotations

from tests.benchmarks.peers.goldenmatch_peer import clusters_of
from tests.benchmarks.peers.streams import Cluster, Task, run_peer


def link(task: Task) -> list[Cluster]:
    """Let the tool choose everything."""
    return clusters_of(task, None)


if __name__ == "__main__":
    run_peer(link)
