"""Makes standard input the controlling terminal, then becomes the command in the arguments."""

from __future__ import annotations

import fcntl
import os
import sys
import termios


def main() -> None:
    """Lead a new session on the terminal that standard input is, then run the command."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
