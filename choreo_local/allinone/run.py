"""The process of an instance: `python -m choreo_local.allinone.run --instance NAME`."""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import resource
import signal
import threading
from types import FrameType
from typing import Any

from choreo_local import logs
from choreo_local.allinone import instance as instances
from choreo_local.allinone import removal
from choreo_local.allinone.progress import Progress
from choreo_local.allinone.wishes import Wishes
from choreo_local.clusters.target import Target
from choreo_local.errors import ChoreoError
from choreo_local.paths import InstancePaths, is_name

_MOST_FILES = 65_536

logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run an instance until it is told to stop; the exit code."""
    options = _parse(arguments)
    paths = InstancePaths.of(options.instance)
    instances.ensure_folder(paths)
    background = options.progress_fd is not None
    logs.set_up(paths.log_file if background else None)
    stream = os.fdopen(options.progress_fd, "w", encoding="utf-8") if background else None
    progress = Progress(stream, paths.phases)
    # Nearly everything that is made while starting stays: looking for garbage finds none.
    gc.disable()
    try:
        with instances.locked(paths), _Signals() as signals:
            record = _starting(paths, options.instance)
            try:
                with progress.phase("code"):
                    wishes = _load(options)
                return _run(paths, record, wishes, progress, signals)
            finally:
                instances.settle(paths)
    except ChoreoError as error:
        logger.error("Instance failed error=%s remedy=%s", error.message, error.remedy)  # noqa: TRY400 - expected
        progress.failed(error)
        return error.exit_code
    except Exception as error:
        logger.exception("Instance failed")
        progress.failed(error)
        return 1


def _load(options: argparse.Namespace) -> Wishes:
    """Import what the first parts of the platform need, and read the person's wishes."""
    importlib.import_module("choreo_local.allinone.lifecycle")
    return Wishes(
        driver=options.driver,
        demo=options.demo,
        authorization=not options.no_authz,
        target=Target(
            kubeconfig=options.kubeconfig,
            context=options.context,
            reachable_at=options.reachable_at,
            kubernetes=options.kubernetes,
        ),
        source=options.source,
        runtime=options.runtime,
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="choreo_local.allinone.run")
    parser.add_argument("--instance", required=True)
    parser.add_argument("--driver", default="auto")
    parser.add_argument("--runtime", default="auto")
    for option in ("--kubeconfig", "--context", "--reachable-at", "--kubernetes"):
        parser.add_argument(option, default="")
    parser.add_argument("--from", dest="source", default="")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--no-authz", action="store_true")
    parser.add_argument("--progress-fd", type=int)
    options = parser.parse_args(arguments)
    if not is_name(options.instance):
        parser.error(f'"{options.instance}" cannot be the name of an instance')
    return options


def _starting(paths: InstancePaths, name: str) -> instances.Instance:
    """The instance as it was last; from now on everybody sees that it is starting."""
    record = instances.load(paths) or instances.new(name)
    instances.save(paths, instances.running(record, state="starting"))
    return record


def _run(
    paths: InstancePaths,
    record: instances.Instance,
    wishes: Wishes,
    progress: Progress,
    signals: _Signals,
) -> int:
    removal.end_leftovers(record.id)
    removal.clear_engine(paths, record.id)
    _raise_file_limit()
    died: list[BaseException] = []

    def on_death(error: BaseException) -> None:
        died.append(error)
        signals.finish.set()

    from choreo_local.allinone.lifecycle import Platform

    platform = Platform(paths, record, wishes, on_death=on_death)
    platform.start(progress)
    signals.started = True
    try:
        # What little garbage there is stays: looking for it would take a tenth of the start.
        gc.freeze()
        gc.enable()
        facts = platform.facts()
        progress.ready(facts)
        logger.info("Instance ready urls=%s", facts["urls"])
        signals.finish.wait()
    finally:
        platform.stop()
    return 1 if died else 0


class _Signals:
    """What ends the process in order: while it starts by an exception, afterwards by an event.

    Attributes:
        finish: set when the process shall end.
        started: whether there is nothing more to interrupt.
    """

    def __init__(self) -> None:
        self.finish = threading.Event()
        self.started = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *failure: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        del frame
        # Ending takes a while: `down` may ask again, but who presses Ctrl+C twice means at once.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.finish.set()
        if not self.started:
            raise ChoreoError(f"it was told to stop ({signal.Signals(number).name})")


def _raise_file_limit() -> None:
    """Every container and every entrance of a Service takes descriptors: use all we may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MOST_FILES) if hard != resource.RLIM_INFINITY else _MOST_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Everything is stopped and closed; taking the interpreter apart would only cost a second more.
    os._exit(code)
