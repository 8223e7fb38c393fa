"""A real Kubernetes API for tests: etcd, kube-apiserver, kube-controller-manager, no kubelet.

The programs lie in the folder that `CHOREO_REFERENCE_KUBERNETES` names, or in the usual place of
caches; tests that need them are skipped where they are not. Everything listens on loopback.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from choreo_local import pki
from choreo_local.kubeclient import kubeconfig

_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
_START_SECONDS = 180
_END_SECONDS = 30
CONTEXT = "reference"


def programs() -> Path:
    """The folder of the programs; skips the test when they are not there."""
    root = os.environ.get("CHOREO_REFERENCE_KUBERNETES", "~/.cache/reference-kubernetes")
    folder = Path(root).expanduser() / "bin"
    missing = [name for name in _PROGRAMS if not os.access(folder / name, os.X_OK)]
    if not Path(sys.executable).with_name("kubectl").exists():
        pytest.skip("kubectl is not installed beside the interpreter")
    if missing:
        pytest.skip(f"no reference Kubernetes: {', '.join(missing)} not in {folder}")
    return folder


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Path]:
    """A fresh cluster until the end of the block; its administrator's kubeconfig."""
    reference = _Reference(programs(), folder)
    try:
        reference.start()
        yield folder / "kubeconfig"
    finally:
        reference.stop()


class _Reference:
    def __init__(self, found: Path, folder: Path) -> None:
        self._programs = found
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._etcd, self._peer, self._api = _free_ports(3)
        self._server = f"https://127.0.0.1:{self._api}"

    def start(self) -> None:
        self._identities()
        self._start("etcd", *self._etcd_options())
        self._start("kube-apiserver", *self._api_options())
        self._until("get", "--raw", "/readyz")
        self._start("kube-controller-manager", *self._manager_options())
        # It is at work once this exists.
        self._until("get", "serviceaccount", "default", "-n", "default")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _identities(self) -> None:
        folder = self._folder
        authority = pki.create_authority("reference")
        pki.save(folder, "ca", authority)
        hosts = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default.svc", "10.96.0.1"]
        pki.save(folder, "server", pki.issue_server(authority, "kube-apiserver", hosts))
        for name, user, groups in (
            ("kubeconfig", "admin", ["system:masters"]),
            ("manager", "system:kube-controller-manager", []),
        ):
            identity = pki.issue_client(authority, user, groups)
            content = kubeconfig.of_certificate(
                name=CONTEXT,
                server=self._server,
                authority=authority.certificate,
                certificate=identity.certificate,
                key=identity.key,
            )
            pki.write_private(folder / name, content)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pki.write_private(folder / "tokens.key", _pem(key))

    def _etcd_options(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peer}"
        return [
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _api_options(self) -> list[str]:
        folder = self._folder
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self._api}",
            f"--cert-dir={folder / 'own'}",
            f"--tls-cert-file={folder / 'server.crt'}",
            f"--tls-private-key-file={folder / 'server.key'}",
            f"--client-ca-file={folder / 'ca.crt'}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={folder / 'tokens.key'}",
            f"--service-account-signing-key-file={folder / 'tokens.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
        ]

    def _manager_options(self) -> list[str]:
        own = self._folder / "manager"
        return [
            f"--kubeconfig={own}",
            f"--authentication-kubeconfig={own}",
            f"--authorization-kubeconfig={own}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={self._folder / 'tokens.key'}",
            f"--root-ca-file={self._folder / 'ca.crt'}",
        ]

    def _start(self, name: str, *options: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [str(self._programs / name), *options],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def _until(self, *words: str) -> None:
        """Wait until a kubectl command succeeds."""
        kubectl = Path(sys.executable).with_name("kubectl")
        command = [str(kubectl), f"--kubeconfig={self._folder / 'kubeconfig'}", *words]
        deadline = time.monotonic() + _START_SECONDS
        while True:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            ended = [one.args for one in self._processes if one.poll() is not None]
            assert not ended, f"{ended} ended; see {self._folder}"
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.2)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _free_ports(count: int) -> Sequence[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
