"""Runs a Python script of a host image: `python -I -S launch.py SCRIPT ARGUMENT…`.

The script is loaded like a module, so that its byte code is cached; the start of a container is
then not paid for by compiling the same text again.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # not in typeshed
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType


def main() -> None:
    """Run the script named first in the arguments as `__main__`."""
    if os.getpid() == 1:
        _end_when_told()
    del sys.argv[0]
    script = sys.argv[0]
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    __import__("choreo_pod").install()
    modules = os.environ.get("CHOREO_MODULES", "").split(os.pathsep)
    sys.path[0:1] = [os.path.dirname(script), *filter(None, modules)]
    module = ModuleType("__main__")
    module.__file__ = script
    sys.modules["__main__"] = module
    code = SourceFileLoader("__main__", script).get_code("__main__")
    if code is not None:
        exec(code, module.__dict__)


def _end_when_told() -> None:
    """Do what the kernel does for all programs but the first one of a container."""
    # Not through `signal`, whose import takes longer than all else here.
    for number in (_signal.SIGTERM, _signal.SIGHUP):
        _signal.signal(number, lambda received, _frame: os._exit(128 + received))


if __name__ == "__main__":
    main()
