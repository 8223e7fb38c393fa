"""The click group: global options, commands loaded when they are called, errors to exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from choreo_local import __version__
from choreo_local.cli import nouns, output
from choreo_local.errors import ChoreoError, UsageError
from choreo_local.paths import is_name

# Set in the environment, it lets unexpected failures end in a traceback.
_TRACEBACK = "CHOREO_TRACEBACK"

# command → (module below cli.commands, attribute, one line of help). Help is here so that
# `choreo --help` need not import the commands.
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "up": ("lifecycle", "up", "Start the platform, or say that it runs."),
    "down": ("stopping", "down", "Stop the platform; --purge removes everything it made."),
    "plan": ("plan", "plan", "Show what a command would change."),
    "status": ("inspect", "status", "Planes, drivers, capabilities, URLs, memory."),
    "url": ("inspect", "url", "Print where a component answers in an environment."),
    "kubeconfig": ("inspect", "kubeconfig", "Print the path of the kubeconfig."),
    "env": ("inspect", "env", "Print shell exports for other tools."),
    "list": ("inspect", "list_instances", "List the instances on this machine."),
    "apply": ("resources", "apply", "Create or change objects from files."),
    "get": ("resources", "get", "Show objects."),
    "delete": ("resources", "delete", "Delete objects."),
    "render": ("render", "render", "Show what manifests would put on the planes, offline."),
    "describe": ("resources", "describe", "Show one object, its conditions and events."),
    "promote": ("components", "promote", "Bring a component's release to the next environment."),
    "rollback": ("components", "rollback", "Go back to the release an environment had before."),
    "diff": ("components", "diff", "Show what a promotion would change."),
    "logs": ("components", "logs", "Show what a component's pods write."),
    "why": ("components", "why", "Say why a component is not ready."),
    "exec": ("shell", "execute", "Run a command in a container of a component."),
    "secret": ("secrets", "secret", "Keep secrets on planes."),
    "tui": ("tui", "tui", "Open the dashboard."),
    "auth": ("auth", "auth", "Say who you are, what you may do, and why not."),
    "snapshot": ("snapshot", "snapshot", "Save and restore everything the cluster knows."),
    "export": ("export", "export", "Move what was made here to clusters of your own."),
    "image": ("image", "image", "Bring container images to this machine, list, remove."),
    "audit": ("audit", "audit", "Show who changed what."),
    "login": ("login", "login", "Act as one of the instance's users."),
    "logout": ("login", "logout", "Act as yourself again."),
    "agent": ("agent", "agent", "Serve this cluster to a control plane elsewhere."),
    "doctor": ("doctor", "doctor", "Check this machine; every finding has a fix."),
    "bench": ("bench", "bench", "Measure the platform on this machine."),
    "version": ("inspect", "version", "Print versions."),
    "completion": ("completion", "completion", "Print the completion script of a shell."),
}


# How like a command a mistake must be for that to be meant.
_NEAR = 0.7
_VERBS = frozenset({"list", "get", "delete"})


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands in the order of the table, which is the order of a first day; then nouns."""
        return [*COMMANDS, *nouns.NAMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in COMMANDS:
            return _noun(cmd_name)
        module, attribute, _ = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"choreo_local.cli.commands.{module}"), attribute)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of an unknown one say which may have been meant."""
        wanted, known = args[0], {*COMMANDS, *nouns.BY_NAME}
        if wanted == "env" and args[1:2] and args[1] in _VERBS:
            # The short name of environments is also that of a command that has no verbs.
            return super().resolve_command(ctx, ["environment", *args[1:]])
        if wanted not in known and not wanted.startswith("-") and not ctx.resilient_parsing:
            import difflib  # only mistakes need it

            near = difflib.get_close_matches(wanted, sorted(known), n=3, cutoff=_NEAR)
            raise UsageError(
                f'there is no command "{wanted}"',
                remedy=f"Did you mean {' or '.join(near)}?" if near else "See: choreo --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in COMMANDS.items()])
        with formatter.section("Nouns, each with list, get, delete and what else it can"):
            formatter.write_text(", ".join(nouns.NAMES))


def _noun(name: str) -> click.Command | None:
    """The commands of a noun; None when there is no such noun."""
    found = nouns.BY_NAME.get(name)
    if found is None:
        return None
    from choreo_local.cli.commands import noun

    return noun.group(found)


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "CHOREO",
        "max_content_width": 100,
    },
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 timed out.",
)
@click.option(
    "-i",
    "--instance",
    default="default",
    show_default=True,
    metavar="NAME",
    envvar="CHOREO_INSTANCE_NAME",
    help="Which instance; several can run side by side.",
)
@click.version_option(__version__, message="choreo %(version)s")
@click.pass_context
def choreo(ctx: click.Context, instance: str) -> None:
    """A complete OpenChoreo platform on this machine, in one process."""
    if not is_name(instance):
        raise UsageError(
            f'"{instance}" cannot be the name of an instance',
            remedy="Use letters, digits, and between them dots, dashes and underscores",
        )
    ctx.obj = instance


def _words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _unexpected(error: Exception) -> ChoreoError:
    return ChoreoError(
        f"unexpected failure: {type(error).__name__}: {error}",
        remedy=f"Please report it with the traceback: {_TRACEBACK}=1 choreo …",
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command; the process ends with a documented exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    try:
        result: Any = choreo.main(args=arguments, prog_name="choreo", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        output.say("Interrupted.")
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ChoreoError as error:
        output.fail(error)
        return error.exit_code
    except OSError as error:
        output.fail(ChoreoError(_words(error)))
        return ChoreoError.exit_code
    except Exception as error:  # the boundary: a person is not shown a traceback
        if os.environ.get(_TRACEBACK):
            raise
        output.fail(_unexpected(error))
        return ChoreoError.exit_code
    return result if isinstance(result, int) else 0
