"""`choreo-tui`, `python -m tui`: open the dashboard of an instance, or of an address."""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from choreo_local.errors import ChoreoError
from tui.connection import ApiConnection

if TYPE_CHECKING:
    from tui.app import Dashboard


def main(arguments: list[str] | None = None) -> int:
    """Run the dashboard until it is left; the exit code."""
    options = _parser().parse_args(arguments)
    connection = ApiConnection(options.instance, url=options.url, token_file=options.token_file)
    try:
        connection.find()
    except ChoreoError as error:
        return _fail(error)
    if not sys.stdout.isatty():
        print("the dashboard needs a terminal; try: choreo status", file=sys.stderr)  # noqa: T201 - nothing but a terminal could show it
        return 2
    dashboard = _dashboard(connection, options)
    result = dashboard.run()
    if result == "stop":
        return subprocess.call(
            [sys.executable, "-m", "choreo_local", "--instance", options.instance, "down"]
        )
    if dashboard.return_code:
        return dashboard.return_code
    _say_goodbye(connection.instance)
    return 0


def _dashboard(connection: ApiConnection, options: argparse.Namespace) -> Dashboard:
    # What is loaded now stays until the end: looking for garbage among it costs a seventh of the
    # start, and some milliseconds again and again later.
    gc.disable()
    from tui.app import Dashboard

    return Dashboard(
        connection,
        namespace=options.namespace,
        project=options.project,
        painted=collect_garbage_again,
        has_terminal=sys.stdout.isatty,
    )


def collect_garbage_again() -> None:
    """Collect what is made from now on."""
    gc.freeze()
    gc.enable()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="choreo-tui", description="The dashboard of choreo.")
    parser.add_argument("--instance", default="default", metavar="NAME", help="which instance")
    parser.add_argument("--url", default="", help="address of an API elsewhere")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the token for --url")
    parser.add_argument("-n", "--namespace", default="default", help="OpenChoreo namespace")
    parser.add_argument("--project", help="show only this project")
    return parser


def _fail(error: ChoreoError) -> int:
    print(error.message, file=sys.stderr)  # noqa: T201 - this is the command's own voice
    if error.remedy:
        print(error.remedy, file=sys.stderr)  # noqa: T201 - this is the command's own voice
    return error.exit_code


def _say_goodbye(instance: str) -> None:
    if not instance:
        print("The platform goes on running.", file=sys.stderr)  # noqa: T201 - this is the command's own voice
        return
    option = "" if instance == "default" else f" --instance {instance}"
    print(  # noqa: T201 - this is the command's own voice
        f'The platform "{instance}" goes on running.\n'
        f"Back here: choreo{option} tui · stop it: choreo{option} down",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
