"""Verbs about the views: projections status|follow|run|verify|rebuild|redrive."""

from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.views.follower import Verdict
from identity_engine.application.views.standing import standings
from identity_engine.cli.group import group
from identity_engine.cli.long_running import MonitorAt, at_work
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import (
    answer,
    counted,
    counting,
    show,
    show_json_line,
    show_table,
)
from identity_engine.observing.logbook import logged
from identity_engine.settings import in_force

Index = Annotated[
    bool,
    Parameter(negative="", help="Also the match index; no other process can write meanwhile."),
]


def status(*, store: Store = None, json: Json = False) -> None:
    """Show how far each view has followed the log, and for how many seconds the next event waits."""
    with opened(store) as engine:
        head = engine.store.head()
        views = standings(engine.store, engine.follower)
    answer(
        {"head": head, "projections": views},
        lambda _: show_table(
            ("view", "position", "behind", "seconds", "parked"),
            [
                (one.name, one.position, one.behind, f"{one.seconds:.1f}", one.parked)
                for one in views
            ],
            none="",
            title=f"log head {head}",
        ),
        json=json,
    )


def follow(*, store: Store = None, json: Json = False) -> None:
    """Bring all views up to the head of the log."""
    with opened(store) as engine, counting("follow", engine.store.head()) as add:
        position = engine.follow(add)
    answer(
        {"position": position}, lambda _: show(f"All views are at position {position}."), json=json
    )


def run(*, monitor: MonitorAt = None, store: Store = None, json: Json = False) -> None:
    """Keep the views at the head of the log until SIGTERM or Ctrl-C; several workers share them."""
    from identity_engine.application.views.worker import ProjectionWorker

    settings = in_force({"monitor.address": monitor})
    with at_work("projections run", store, settings.monitor) as (engine, stopping):
        done = ProjectionWorker(engine.store, engine.follower).run(stopping)
    if json:
        show_json_line(asdict(done))
    else:
        show(
            f"{counted(done.events, 'event')} in {counted(done.batches, 'batch', 'batches')}; "
            f"at position {done.position}."
        )


def verify(*, store: Store = None, index: Index = False, json: Json = False) -> int:
    """Bring the views to the head, replay the whole log beside them, and compare exact hashes and, on
    SQLite, the index of the search with its values.

    Exit code 1 on any difference, a view that stays behind, or a parked partition.
    """
    with opened(store) as engine:
        with counting("follow and replay", 2 * engine.store.head()) as add:
            engine.follow(add)
            verdicts = engine.verify(add)
        if index:
            with counting("replay index", engine.store.head()) as add:
                verdicts.append(engine.verify_index(add))
    answer(
        [{**asdict(one), "sound": one.is_sound} for one in verdicts],
        lambda _: show_table(
            ("view", "verdict", "live hash", "replay hash", "behind", "parked"),
            [
                (
                    one.name,
                    _told(one),
                    one.live_hash[:16],
                    one.replay_hash[:16],
                    one.behind,
                    one.parked,
                )
                for one in verdicts
            ],
            none="",
        ),
        json=json,
    )
    return 0 if all(one.is_sound for one in verdicts) else 1


def _told(one: Verdict) -> str:
    if not one.is_whole:
        return "BROKEN INDEX"
    return "sound" if one.is_sound else "NOT SOUND"


def rebuild(*, store: Store = None, index: Index = False, json: Json = False) -> None:
    """Build all views anew from the log, beside the live ones, and swap them in."""
    with logged("projections rebuild"), opened(store) as engine:
        with counting("rebuild", engine.store.head()) as add:
            views = engine.rebuild(add)
        if index:
            with counting("rebuild index", engine.store.head()) as add:
                engine.rebuild_index(add)
    answer(
        list(views),
        lambda _: show_table(
            ("view", "position", "parked"),
            [(v.name, v.position, v.parked) for v in views],
            none="",
        ),
        json=json,
    )


def redrive(*, store: Store = None, json: Json = False) -> int:
    """Replay the parked partitions. Exit code 1 if some still fail."""
    with opened(store) as engine:
        waiting = engine.follower.redrive()
    still = counted(waiting, "partition still fails", "partitions still fail")
    said = f"{still}." if waiting else "Nothing is parked."
    answer({"parked": waiting}, lambda _: show(said), json=json)
    return 0 if not waiting else 1


projections = group(
    "projections",
    "The views: where they stand, workers, proof, rebuild.",
    status,
    follow,
    run,
    verify,
    rebuild,
    redrive,
)
