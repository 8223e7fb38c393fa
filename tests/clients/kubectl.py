"""One kubectl, used in one namespace, as a person at a terminal does."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.e2e.user import Printed, User


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A release of kubectl and the namespace that it works in."""

    user: User
    program: Path
    version: str
    namespace: str = "default"

    def __call__(self, *arguments: str, text: str = "") -> str:
        """Run a command that must succeed; what it printed."""
        printed = self.runs(*arguments, text=text)
        assert printed.code == 0, f"kubectl {' '.join(arguments)}: {printed.err}{printed.out}"
        return printed.out.strip()

    def refuses(self, *arguments: str, text: str = "") -> str:
        """Run a command that must fail; what it said."""
        printed = self.runs(*arguments, text=text)
        assert printed.code != 0, f"kubectl {' '.join(arguments)} succeeded: {printed.out}"
        return printed.err.strip()

    def runs(self, *arguments: str, text: str = "") -> Printed:
        """Run a command to its end."""
        return self.user.types(*self._command(*arguments), text=text)

    def follows(self, *arguments: str) -> AbstractContextManager[list[str]]:
        """Run a command beside the test; the lines that it prints."""
        return self.user.follows(*self._command(*arguments))

    def json(self, *arguments: str) -> Any:
        """What a command printed as JSON."""
        return json.loads(self(*arguments, "-o", "json"))

    def at(self, kind: str, name: str, path: str) -> str:
        """One value of an object, by JSONPath."""
        return self("get", kind, name, "-o", f"jsonpath={{{path}}}")

    def editing_with(self, script: Path) -> Kubectl:
        """The same, with a program that edits."""
        user = replace(self.user, extra={**self.user.extra, "KUBE_EDITOR": str(script)})
        return replace(self, user=user)

    def file(self, name: str, content: str) -> str:
        """Write a file in a folder of this namespace; its path."""
        path = self.user.home / self.namespace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return str(path)

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.program), "-n", self.namespace, *arguments]
