"""Code of an instance that is loaded while something else is waited for.

Loading is most of a start's work. The cluster needs none of this to answer, and while Envoy and
pods begin in processes of their own there is time for it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator


def load_controllers() -> None:
    """The control plane's controllers, and kopf under them."""
    with _hidden("kubernetes", "kubernetes_asyncio", "pykube"):
        # kopf looks for these only to know their classes when it meets them; we never use them
        # with it, and they take a third of a second.
        importlib.import_module("kopf")
    importlib.import_module("choreo_local.allinone.controlplane")


def load_apis() -> None:
    """The HTTP APIs, and FastAPI under them."""
    importlib.import_module("choreo_local.allinone.api")


@contextlib.contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Make modules impossible to import for a while."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python blocks an import
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
