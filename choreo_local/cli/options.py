"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,9}s?)?")


def output_format(*forms: str, default: str = "table") -> Callable[[F], F]:
    """`-o`, with the forms that a command can print."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(forms),
        default=default,
        show_default=True,
        help="In which form.",
    )


def namespace(function: F) -> F:
    """`-n`: the OpenChoreo namespace."""
    return click.option(
        "-n", "--namespace", default="default", show_default=True, help="OpenChoreo namespace."
    )(function)


def environment(function: F) -> F:
    """`--env`: where."""
    return click.option(
        "--env", "-e", "environment", required=True, metavar="ENVIRONMENT", help="Environment."
    )(function)


class Duration(click.ParamType[str]):
    """A time span such as `30s`, `5m` or `1h30m`; a bare number counts seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is; what the API could not read is wrong usage here."""
        text = str(value)
        if not text or _DURATION.fullmatch(text) is None:
            self.fail(f'cannot read "{text}": write it as 30s, 5m or 1h30m', param, ctx)
        return text


def timeout(seconds: float) -> Callable[[F], F]:
    """`--timeout`: how long to wait."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True, max=86_400),
        default=seconds,
        show_default=True,
        metavar="SECONDS",
        help="Give up waiting after this time.",
    )


def yes(function: F) -> F:
    """`--yes`: for scripts."""
    return click.option("--yes", is_flag=True, help="Answer every question with yes.")(function)
