"""Options, errors and exit codes of the command as a whole."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from choreo_local import __version__
from choreo_local.cli import main
from choreo_local.errors import (
    Cause,
    ChoreoError,
    ForbiddenError,
    InvalidError,
    RefusedError,
    TimeoutApiError,
    UsageError,
    WaitTimeoutError,
)
from tests.cli.conftest import Choreo

HEAVY = ("aiohttp", "fastapi", "kopf", "kubernetes", "pydantic", "rich", "textual", "yaml")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """`choreo version` ends with an error."""

    @click.command()
    def version() -> None:
        raise error

    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: version)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ChoreoError("no"), 1),
        (UsageError("no"), 2),
        (RefusedError("no"), 3),
        (ForbiddenError("no"), 3),
        (WaitTimeoutError("no"), 4),
        (TimeoutApiError("no"), 4),
        (OSError(28, "No space left on device", "/x/y"), 1),
        (KeyboardInterrupt(), 130),
        (EOFError(), 130),
        (click.UsageError("no"), 2),
        (ZeroDivisionError("no"), 1),
    ],
)
def test_every_failure_has_its_exit_code_and_no_traceback(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    failing(monkeypatch, error)
    printed = choreo("version")
    assert printed.code == code
    assert printed.out == ""
    assert printed.err
    assert "Traceback" not in printed.err


def test_an_error_is_told_with_its_causes_and_its_remedy(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    causes = [
        Cause("FieldValueRequired", "Required value", "spec.owner"),
        Cause("x", "it is wrong"),
    ]
    failing(monkeypatch, InvalidError("it is wrong", causes=causes, remedy="Write an owner"))
    assert choreo("version").err.splitlines() == [
        "error: it is wrong",
        "  spec.owner: Required value",
        "fix: Write an owner",
    ]


def test_a_file_that_cannot_be_used_is_named(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, OSError(13, "Permission denied", "/x/y"))
    assert choreo("version").err == "error: /x/y: Permission denied\n"


def test_an_unexpected_failure_asks_for_a_report(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ZeroDivisionError("no"))
    printed = choreo("version")
    assert "unexpected failure: ZeroDivisionError: no" in printed.err
    assert "CHOREO_TRACEBACK=1" in printed.err

    monkeypatch.setenv("CHOREO_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        choreo("version")


def test_what_a_server_says_cannot_move_the_cursor(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ChoreoError("a\x1b[2Jb\nc\x07", remedy="x\u202ey"))
    assert choreo("version").err == "error: a\\x1b[2Jb\nc\\x07\nfix: x\\u202ey\n"


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ("sttaus", "Did you mean status?"),
        ("promot", "Did you mean promote?"),
        ("xyzzy", "See: choreo --help"),
    ],
)
def test_an_unknown_command_is_answered_with_what_may_be_meant(
    choreo: Choreo, typed: str, remedy: str
) -> None:
    printed = choreo(typed)
    assert printed.code == 2
    assert printed.err == f'error: there is no command "{typed}"\nfix: {remedy}\n'


@pytest.mark.parametrize("name", ["../x", "", "a/b", "-x", ".hidden", "ü"])
def test_a_name_that_no_instance_can_have_is_wrong_usage(choreo: Choreo, name: str) -> None:
    printed = choreo("--instance", name, "status")
    assert printed.code == 2
    assert "cannot be the name of an instance" in printed.err


@pytest.mark.parametrize(
    "typed",
    [
        ("up", "--driver", "magic"),
        ("up", "--timeout", "0"),
        ("up", "--timeout", "-3"),
        ("up", "--timeout", "soon"),
        ("down", "--timeout", "1e9"),
        ("down", "--dry-run"),
        ("status", "-o", "name"),
        ("url", "greeter"),
        ("promote", "greeter"),
        ("logs", "greeter", "--env", "x", "--tail", "-1"),
        ("get",),
        ("get", "pods,nodes"),
        ("get", "pod/a", "b"),
        ("get", "pod/"),
        ("get", "a/b/c"),
        ("get", "pod", "x", "-A"),
        ("get", "pod/x", "-l", "a=b"),
        ("describe", "pod"),
        ("delete",),
        ("delete", "pod"),
        ("delete", "pod", "x", "-f", "y"),
        ("apply",),
        ("apply", "--demo", "-f", "x"),
        ("apply", "-f", "/nonexistent"),
        ("env", "--shell", "tcsh"),
        ("completion", "tcsh"),
        ("--nonsense",),
    ],
)
def test_wrong_usage_ends_with_two_before_anything_is_done(
    choreo: Choreo, typed: tuple[str, ...]
) -> None:
    printed = choreo(*typed)
    assert printed.code == 2
    assert printed.out == ""
    assert printed.err


@pytest.mark.parametrize("command", main.COMMANDS)
def test_every_command_has_help(choreo: Choreo, command: str) -> None:
    printed = choreo(command, "--help")
    assert printed.code == 0
    assert printed.out.startswith(f"Usage: choreo {command}")
    for line in printed.out.splitlines():
        assert len(line) <= 100


def test_the_list_of_commands_is_complete_and_loads_nothing(choreo: Choreo) -> None:
    printed = choreo("--help")
    for command, (_, _, summary) in main.COMMANDS.items():
        assert f"  {command} " in printed.out
        assert summary in printed.out
    assert "0 done, 1 failed, 2 wrong usage, 3 refused, 4 timed out" in printed.out


@pytest.mark.parametrize(
    ("heavy", "arguments"),
    [(HEAVY, ["--help"]), (("aiohttp", "fastapi", "kopf", "kubernetes"), ["down"])],
    ids=["help", "life cycle"],
)
def test_a_light_command_imports_nothing_heavy(
    heavy: tuple[str, ...], arguments: list[str]
) -> None:
    """What `up` and `down` import comes on top of the platform's own start."""
    code = f"""
import sys
from choreo_local.cli import main
main.run({arguments!r})
print("loaded:", *sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "loaded:"


def test_the_version_is_told(choreo: Choreo) -> None:
    assert choreo("--version").out == f"choreo {__version__}\n"
