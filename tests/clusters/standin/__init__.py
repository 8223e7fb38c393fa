"""Programs that stand in for k3d and docker in tests, with what was seen of the real ones.

`install(folder, state)` makes both. A "cluster" is an embedded one in a process of its own, whose
pods run; the lies of k3d are told on demand (`World.break_`). The same tests run with the real
programs where they answer.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

_END_SECONDS = 30
STATE = "K3D_STANDIN"


def install(folder: Path, state: Path) -> dict[str, str]:
    """Make the programs; the environment that they need, `PATH` excepted."""
    folder.mkdir(parents=True, exist_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parents[3]
    for name in ("k3d", "docker"):
        program = folder / name
        program.write_text(
            f"#!{sys.executable}\n"
            f"import sys\nsys.path.insert(0, {str(root)!r})\n"
            f"from tests.clusters.standin.{name} import main\nsys.exit(main(sys.argv[1:]))\n"
        )
        program.chmod(0o755)
    return {STATE: str(state)}


class World:
    """What both programs know, kept in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _read(self, name: str) -> dict[str, object]:
        try:
            content: dict[str, object] = json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return {}
        return content

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        draft = self.folder / f".{name}"
        draft.write_text(json.dumps(content))
        draft.replace(self.folder / name)

    @property
    def clusters(self) -> dict[str, dict[str, object]]:
        """Name → facts of a cluster."""
        return self._read("clusters.json")  # type: ignore[return-value]  # as it was written

    def set_cluster(self, name: str, facts: Mapping[str, object] | None) -> None:
        """Keep the facts of a cluster; None when it is gone."""
        found = dict(self.clusters)
        if facts is None:
            found.pop(name, None)
        else:
            found[name] = dict(facts)
        self._write("clusters.json", found)

    @property
    def networks(self) -> dict[str, str]:
        """Id → name; two may have one name."""
        return self._read("networks.json")  # type: ignore[return-value]  # as it was written

    def set_networks(self, networks: Mapping[str, str]) -> None:
        """Keep the networks."""
        self._write("networks.json", dict(networks))

    def fault(self, name: str) -> str:
        """What shall go wrong in a place; empty for nothing."""
        return str(self._read("faults.json").get(name, ""))

    def break_(self, **faults: str) -> None:
        """Let things go wrong from now on."""
        self._write("faults.json", {**self._read("faults.json"), **faults})

    def end(self) -> None:
        """End all nodes."""
        for facts in self.clusters.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(str(facts["pid"])))
                process.kill()
                process.wait(_END_SECONDS)

    def note(self, words: list[str]) -> None:
        """Remember that a command was given."""
        with (self.folder / "commands").open("a") as file:
            file.write(" ".join(words) + "\n")

    @property
    def commands(self) -> list[str]:
        """All commands of k3d so far."""
        try:
            return (self.folder / "commands").read_text().splitlines()
        except FileNotFoundError:
            return []
