"""`choreo completion SHELL`: the script that a shell sources."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from choreo_local.cli import output
from choreo_local.errors import UsageError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the completion script of a shell, e.g. for `source <(choreo completion bash)`."""
    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f'no completion for shell "{shell}"')
    root = ctx.find_root().command
    output.emit(found(root, {}, "choreo", "_CHOREO_COMPLETE").source())
    return 0
