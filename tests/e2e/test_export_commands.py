"""The commands of an export's README, typed as they stand there, against a real kube-apiserver.

Charts cannot be installed without a network, and what they bring is there otherwise: definitions
come from the bundles, an agent's certificate from the test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from choreo_local import pki
from choreo_local.allinone import bundles
from choreo_local.export import plan, planes, writer
from choreo_local.export.state import Identity
from tests import golden, reference
from tests.export import samples

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_SECONDS = 120
# What needs a network, a chart's objects, or pods.
_LEFT_OUT = re.compile(
    r"helm |https://| wait | patch deployment | exec |get secret cluster-gateway-ca"
)
_AGENTS = pki.create_authority("agents of the data plane").certificate.decode()


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster with the definitions of all planes: upstream's own where they are at hand."""
    upstream = golden.FIXTURES / "crds"
    core = upstream if upstream.is_dir() else bundles.root() / "core" / "crds"
    with reference.running(tmp_path_factory.mktemp("reference")) as found:
        for folder in (core, bundles.root() / "dataplane" / "crds"):
            _kubectl(found, "apply", "--server-side", "-f", str(folder))
        _kubectl(found, "wait", "crds", "--all", "--for=condition=Established", "--timeout=60s")
        yield found


def _kubectl(kubeconfig: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["kubectl", "--kubeconfig", str(kubeconfig), *arguments],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def _export(folder: Path, authorities: Mapping[str, Identity]) -> None:
    choices = replace(samples.CHOICES, authorities=authorities)
    writer.write(folder, plan.planned(samples.state(), choices), force=True)
    (folder / "cluster-gateway-ca.crt").write_text(_AGENTS)


def _commands(folder: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if not _LEFT_OUT.search(line) and not line.startswith("export ")]


def _type(command: str, folder: Path, kubeconfig: Path) -> None:
    names = re.findall(r"[A-Z_]{8,}", (folder / "README.md").read_text())
    variables = dict.fromkeys(names, reference.CONTEXT)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**os.environ, **variables, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0 or "already exists" in done.stderr, f"{command}: {done.stderr}"


def test_every_command_of_the_readme_does_what_it_says(kubeconfig: Path, tmp_path: Path) -> None:
    _export(tmp_path / "x", {})
    for name in ("data", "workflow", "observability"):
        namespace = f"openchoreo-{name}-plane"
        _kubectl(kubeconfig, "create", "namespace", namespace)
        _kubectl(
            kubeconfig,
            *("create", "secret", "generic", "cluster-agent-tls", "-n", namespace),
            f"--from-file=ca.crt={tmp_path / 'x' / 'cluster-gateway-ca.crt'}",
        )
    commands = _commands(tmp_path / "x")
    assert any(command.startswith("sh register.sh") for command in commands)
    for command in commands:
        _type(command, tmp_path / "x", kubeconfig)
    plane = json.loads(_kubectl(kubeconfig, "get", "clusterdataplane", "default", "-o", "json"))
    assert plane["spec"]["clusterAgent"]["clientCA"] == {"value": _AGENTS}
    found = json.loads(_kubectl(kubeconfig, "get", "releasebindings", "-A", "-o", "json"))["items"]
    assert [each["spec"]["releaseName"] for each in found] == [samples.release_name()]
    _kubectl(kubeconfig, "get", "clustersecretstore", "default", "vault")
    _kubectl(kubeconfig, "get", "gateway", "gateway-internal", "-n", "openchoreo-data-plane")


def test_with_authorities_of_its_own_an_export_registers_planes_that_are_not_there_yet(
    kubeconfig: Path, tmp_path: Path
) -> None:
    made = pki.create_authority("agents")
    identity = Identity(made.certificate.decode(), made.key.decode())
    here = [plane for plane in planes.planes(samples.state()) if plane.is_here]
    _export(tmp_path / "x", {plane.folder: identity for plane in here})
    commands = _commands(tmp_path / "x")
    assert not any(command.startswith("sh register.sh") for command in commands)
    for command in commands:
        _type(command, tmp_path / "x", kubeconfig)
    plane = json.loads(_kubectl(kubeconfig, "get", "clusterdataplane", "default", "-o", "json"))
    assert plane["spec"]["clusterAgent"]["clientCA"]["value"] == identity.certificate
    secret = ("get", "secret", planes.AGENT_AUTHORITY, "-n", "openchoreo-workflow-plane")
    assert _kubectl(kubeconfig, *secret, "-o", "jsonpath={.type}") == "kubernetes.io/tls"
