"""Starts the coroutines of `data` as Textual workers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from textual.dom import DOMNode
from textual.worker import Worker

Work = Callable[[], Coroutine[None, None, None]]


def start(node: DOMNode, work: Work, *, group: str, exclusive: bool = True) -> None:
    """Run `work` until it ends or `node` goes; `exclusive` ends what runs in the group.

    `work` makes its coroutine itself: one that was made here would be left unawaited when the node
    goes before the worker begins.
    """
    worker: Worker[None] = node.run_worker(
        work, group=group, exclusive=exclusive, exit_on_error=False
    )
    del worker
