"""Runs a Python script of a host image: `python -I -S launch.py SCRIPT ARGUMENT…`.

The script is loaded like a module, so that its byte code is cached; the start of a container is
then not paid for by compiling the same text again.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType


def main() -> None:
    """Run the script named first in the arguments as `__main__`."""
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


if __name__ == "__main__":
    main()
