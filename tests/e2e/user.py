"""A person at a terminal: types commands, reads what they print, asks URLs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests import unprivileged

_COMMAND_SECONDS = 120
# Who has an instance, in tests of what depends on that.
ROOT, ANOTHER, CONFINED = "as root", "as another user", "as a confined user"


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class User:
    """Works with one instance in a home of their own.

    Attributes:
        home: CHOREO_HOME; also where this person's other files lie.
        instance: the name of the instance.
        becoming: what makes a command run as this person, where the tests run as somebody else.
    """

    home: Path
    instance: str = "default"
    extra: dict[str, str] = field(default_factory=dict)
    becoming: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command: nothing of the developer's own."""
        kept = {
            name: os.environ[name]
            for name in ("LANG", "TMPDIR", "CHOREO_UP_RUNTIME")
            if name in os.environ
        }
        folder = str(Path(sys.executable).parent)
        return {
            **kept,
            "PATH": os.pathsep.join([folder, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "CHOREO_HOME": str(self.home / "state"),
            "CHOREO_INSTANCE_NAME": self.instance,
            # On a machine with Docker another one would be taken.
            "CHOREO_UP_DRIVER": "embedded",
            "KUBECACHEDIR": str(self.home / "kubecache"),
            **self.extra,
        }

    def types(self, *command: str, text: str = "", within: float = _COMMAND_SECONDS) -> Printed:
        """Run a command to its end."""
        done = subprocess.run(
            [*self.becoming, str(self.program(command[0])), *command[1:]],
            input=text,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home,
            timeout=within,
            check=False,
        )
        return Printed(done.returncode, done.stdout, done.stderr)

    def choreo(self, *arguments: str, text: str = "") -> str:
        """Run a choreo command that must succeed; its data."""
        printed = self.types("choreo", *arguments, text=text)
        assert printed.code == 0, f"choreo {' '.join(arguments)}: {printed.err}{self.last_log()}"
        return printed.out.strip()

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """Run the real kubectl against the instance; it must succeed."""
        kubeconfig = self.choreo("kubeconfig")
        printed = self.types("kubectl", "--kubeconfig", kubeconfig, *arguments, text=text)
        assert printed.code == 0, f"kubectl {' '.join(arguments)}: {printed.err}"
        return printed.out.strip()

    @contextlib.contextmanager
    def follows(self, *command: str) -> Iterator[list[str]]:
        """A command that goes on: the lines that it has printed so far, until the block ends."""
        process = subprocess.Popen(
            [*self.becoming, str(self.program(command[0])), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            cwd=self.home,
        )
        lines: list[str] = []

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)  # noqa: PERF402 - others look at the list meanwhile

        reading = threading.Thread(target=read)
        reading.start()
        try:
            yield lines
        finally:
            process.terminate()
            reading.join(10)
            process.communicate(timeout=10)

    def program(self, name: str) -> Path:
        """Where a command is: beside the interpreter, else on the system's path."""
        beside = Path(sys.executable).parent / name
        found = str(beside) if beside.exists() else shutil.which(name)
        assert found, f"{name} is not installed"
        return Path(found)

    @property
    def folder(self) -> Path:
        """The state directory of the instance."""
        return self.home / "state" / "instances" / self.instance

    def record(self) -> dict[str, Any]:
        """The instance file."""
        content: dict[str, Any] = json.loads((self.folder / "instance.json").read_text())
        return content

    def last_log(self) -> str:
        """The end of the instance's log, for messages of failed tests."""
        log = self.folder / "logs" / "choreo.log"
        return "\n" + log.read_text()[-3000:] if log.exists() else ""

    def children(self, instance_id: str) -> list[psutil.Process]:
        """Every living process that carries the mark of the instance."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("CHOREO_INSTANCE") == instance_id:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


@contextlib.contextmanager
def person(kind: str, place: Path) -> Iterator[User]:
    """Somebody with an empty home; afterwards nothing of theirs is left.

    As `ROOT` they are whoever runs the tests and live in `place`. As `ANOTHER` they are a user
    without rights, who can read only what everybody can: their files belong below `home`, which
    is not below `place`. `CONFINED` is the same without the right to make user namespaces. The test
    is skipped where nobody else can be had.
    """
    if kind == ROOT:
        found = User(place)
    else:
        if lacking := unprivileged.lacking():
            pytest.skip(lacking)
        becoming = unprivileged.command(may_make_namespaces=kind != CONFINED)
        home = Path(tempfile.mkdtemp(prefix="choreo-home-"))
        os.chown(home, unprivileged.UID, unprivileged.UID)
        found = User(home, becoming=tuple(becoming))
    try:
        yield found
    finally:
        found.types("choreo", "down", "--purge", "--yes")
        if found.home != place:
            shutil.rmtree(found.home)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(url: str, *, at: str = "127.0.0.1", within: float = 5) -> Answer:
    """GET a URL; names below localhost mean this machine, as browsers and curl have it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(at, parts.port, timeout=within)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Host": parts.netloc})
        response = connection.getresponse()
        return Answer(response.status, response.read().decode())
    finally:
        connection.close()


def until(condition: Callable[[], bool], *, what: str, within: float = 30) -> None:
    """Return when the condition holds; fail with what was awaited."""
    deadline = time.monotonic() + within
    problem = ""
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, http.client.HTTPException, ValueError, AssertionError) as error:
            problem = f": {error}"
        time.sleep(0.05)
    raise AssertionError(f"not within {within} s: {what}{problem}")
