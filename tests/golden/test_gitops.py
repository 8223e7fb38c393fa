"""The recorded runs of upstream's command in file-system mode, repeated with ours, in their order.

Files that upstream keeps as a cache of its index are not compared: ours needs none.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from choreo_local.cli import main
from tests.golden import GOLDENS, differences, load

_RECORDINGS = ("gitops.json", "workload-create.json")
# Runs that were made between the recorded ones, by what the recorded files show of them.
_BETWEEN = {"occ-0208": ["development"], "occ-0211": ["production"]}
_BIND = ("releasebinding", "generate", "--all", "--use-pipeline", "default")
_HOME = "<home>/work"
_DAY = re.compile(r"20\d{6}")
# The recorder takes some short amounts for ages.
_AGE = re.compile(r"(?<=: )(<age>|\d+[smhd]|\d+m)$", re.MULTILINE)


class Outcome(NamedTuple):
    """What a run said and left."""

    code: int
    out: str
    err: str
    files: dict[str, list[str]]


def cases() -> Iterator[dict[str, Any]]:
    for name in _RECORDINGS:
        path = GOLDENS / "occ" / name
        if path.exists():
            yield from load(path)["cases"]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What our command does in each case; later cases build on earlier ones."""
    home = tmp_path_factory.mktemp("home")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for case in cases():
            for name, text in (case.get("files") or {}).items():
                path = home / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            for environment in _BETWEEN.get(case["id"], ()):
                where = ["--mode", "file-system", "--root-dir", f"{home}/repo2"]
                _call([*_BIND, "--target-env", environment, *where])
            found[case["id"]] = _run(case, home)
    return found


def _run(case: dict[str, Any], home: Path) -> Outcome:
    arguments = [argument.replace(_HOME, str(home)) for argument in case["args"]]
    code, out, err = _call(arguments)
    files = {
        folder: sorted(
            path.relative_to(home).as_posix()
            for path in (home / folder).rglob("*")
            if path.is_file()
        )
        for folder, names in (case.get("filesAfter") or {}).items()
        if isinstance(names, list)
    }
    return Outcome(code, _plain(out.replace(str(home), _HOME)), err, files)


def _call(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.run(arguments)
    return code, out.getvalue(), err.getvalue()


def _plain(text: str) -> str:
    return _AGE.sub("<age>", _DAY.sub("<yyyymmdd>", text)).strip()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases()])
def test_files_are_made_as_by_upstreams_command(
    case: dict[str, Any], outcomes: dict[str, Outcome]
) -> None:
    found = outcomes[case["id"]]
    expected = {
        folder: sorted(_plain(name) for name in names if "/.occ/" not in name)
        for folder, names in (case.get("filesAfter") or {}).items()
        if isinstance(names, list)
    }
    files = {folder: sorted(map(_plain, names)) for folder, names in found.files.items()}
    given = (bool(found.code), found.out, files)
    wanted = (bool(case["exitCode"]), _plain(case["stdout"]), expected)
    reason = differences("gitops").get(case["id"])
    if given != wanted and reason is not None:
        pytest.skip(f"differs: {reason}")
    assert given == wanted, found.err
