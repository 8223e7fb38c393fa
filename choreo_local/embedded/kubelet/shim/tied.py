"""Ties this process to the life of its parent, then becomes the command in the arguments.

For executables, on a Linux that has no `setpriv`; Python programs do the same in `choreo_pod`.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Die with the parent, as the command."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    __import__("choreo_pod").die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
