"""Asks an Envoy that serves nothing what it thinks of a configuration."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import re2

from choreo_local.embedded.network import launcher

_SECONDS = 30.0
_LONGEST_WORDS = 300
_NO_ANSWER = "Envoy did not judge the configuration in time"
# Before the reason stands what it was doing, behind it, maybe, all that it was given.
_PREFIX = re2.compile(r"(?s).*error initializing configuration '[^']*': ")
_WHOLE_INPUT = re2.compile(r"(?s)\): \{.*")
_REJECTED = re2.compile(r"(?m)^.* (?:rejected|update failure): (.*)$")


class EnvoyTrial:
    """Runs the program in the mode in which it only checks.

    Args:
        file: where the configuration is put meanwhile.
    """

    def __init__(self, program: Path, file: Path) -> None:
        self._program = program
        self._file = file

    async def fault(self, configuration: Mapping[str, Any]) -> str:
        """What is wrong with a configuration; empty for nothing."""
        self._write(orjson.dumps(configuration))
        command = [str(self._program), "--mode", "validate", "--config-path", str(self._file)]
        process = await asyncio.create_subprocess_exec(
            *launcher.bound_command([*command, "--log-level", "critical"]),
            env={"PATH": os.environ.get("PATH", "")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), _SECONDS)
        except TimeoutError:
            return _NO_ANSWER
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self._file.unlink(missing_ok=True)
        return "" if process.returncode == 0 else words(said.decode(errors="replace"))

    def _write(self, data: bytes) -> None:
        # Certificates' keys are in it.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)


def words(said: str) -> str:
    """The reason in what Envoy says before it gives up, without what it was given."""
    return _short(_PREFIX.sub("", said)) or "Envoy gave no reason"


def latest_refusal(log: str) -> str:
    """The reason of the last refusal in a log; empty without one."""
    found = [each.group(1) for each in _REJECTED.finditer(log)]
    return _short(found[-1]) if found else ""


def _short(text: str) -> str:
    return " ".join(_WHOLE_INPUT.sub(")", text).split())[:_LONGEST_WORDS]
