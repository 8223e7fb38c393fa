"""How the dashboard starts and ends as a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tui import __main__ as command
from tui.bench import Terminal

# What the first picture does not need.
HEAVY = ("aiohttp", "orjson", "pydantic", "re2", "kubernetes", "kopf", "fastapi", "click", "yaml")


def test_first_picture_loads_no_http_library() -> None:
    code = f"""
import sys, tui.app, tui.__main__
print(*sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=15
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "module", ["tui.rows", "tui.pages", "tui.logbuffer", "tui.strip", "tui.sense"]
)
def test_pure_modules_do_not_load_textual(module: str) -> None:
    code = f"import sys, {module}; print('textual' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=15
    )
    assert done.stdout.strip() == "False"


def test_instance_that_does_not_run_ends_with_words_and_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))
    monkeypatch.delenv("CHOREO_API_URL", raising=False)
    assert command.main(["--instance", "lab"]) == 1
    said = capsys.readouterr().err
    assert 'cannot reach instance "lab": it does not run' in said
    assert "Start it: choreo --instance lab up" in said


def test_without_a_terminal_it_points_to_the_plain_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["--url", "http://127.0.0.1:9"]) == 2
    assert "choreo status" in capsys.readouterr().err


def test_it_starts_and_leaves_in_a_real_terminal() -> None:
    with Terminal([sys.executable, "-m", "tui", "--url", "http://127.0.0.1:9"]) as terminal:
        terminal.wait_for(b"trying again")
        terminal.type(b"q")
        assert terminal.ended() == 0
        assert b"The platform goes on running." in terminal.seen
