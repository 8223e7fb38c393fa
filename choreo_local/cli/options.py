"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s?)?")


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


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of options that take a time span: what the API could not read is wrong usage."""
    if value is not None and (not value or _DURATION.fullmatch(value) is None):
        raise click.BadParameter(f'cannot read "{value}": write it as 30s, 5m or 1h30m', ctx, param)
    return value


def seconds(text: str) -> int:
    """The length of a time span that `duration` let pass."""
    found = _DURATION.fullmatch(text)
    assert found is not None
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


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


DRIVERS = ("auto", "embedded", "k3d", "existing")


def cluster(function: F) -> F:
    """`--driver` and what says which cluster it means."""
    for option in (
        click.option(
            "--kubernetes",
            default="",
            metavar="VERSION",
            help="k3d: version of Kubernetes, or image of the nodes.",
        ),
        click.option(
            "--reachable-at",
            default="",
            metavar="HOST",
            help="Name or address under which the cluster reaches this machine.",
        ),
        click.option("--kubeconfig", default="", metavar="FILE", help="existing: which file."),
        click.option("--context", default="", metavar="NAME", help="existing: which context."),
        click.option(
            "--driver",
            type=click.Choice(DRIVERS),
            default="auto",
            show_default=True,
            help="Where the cluster comes from.",
        ),
    ):
        function = option(function)
    return function
