"""Which object a person means by `KIND NAME` or, as other commands print it, `KIND/NAME`. Pure."""

from __future__ import annotations

from typing import Any

import click

from choreo_local.errors import NotFoundError, UsageError


def parse(kind: str, name: str | None) -> tuple[str, str | None]:
    """Kind and name, None when no object is named."""
    if "," in kind:
        raise UsageError(
            f'"{kind}" names several kinds', remedy="Ask for one at a time, or use kubectl"
        )
    if "/" not in kind:
        return kind, name
    wanted, _, named = kind.partition("/")
    if name is not None or not wanted or not named or "/" in named:
        raise UsageError(f'cannot read "{kind}"', remedy="Write KIND NAME, or KIND/NAME")
    return wanted, named


def required(kind: str, name: str | None) -> tuple[str, str]:
    """Kind and name where one object is meant."""
    wanted, named = parse(kind, name)
    if named is None:
        raise UsageError(f"say which {wanted} is meant: {wanted} NAME")
    return wanted, named


def absent(kind: str, name: str, namespace: str | None) -> NotFoundError:
    """The error that an object is not there."""
    place = f' in namespace "{namespace}"' if namespace else ""
    option = f" -n {namespace}" if namespace else ""
    return NotFoundError(
        f'{kind.lower()} "{name}" not found{place}',
        remedy=f"See which there are: choreo{_instance()} get {kind.lower()}{option}",
    )


def _instance() -> str:
    ctx: Any = click.get_current_context(silent=True)
    name = ctx.find_root().obj if ctx is not None else None
    return f" --instance {name}" if name not in (None, "default") else ""
