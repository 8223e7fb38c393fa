"""A bare kube API for development: `python -m choreo_local.embedded.kubeapi --state DIR`."""

from __future__ import annotations

import argparse
import asyncio
import base64
import signal
import sys
from pathlib import Path

import uvloop
import yaml

from choreo_local import logs, pki
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.server import Server, tls_context
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import ChoreoError


def main() -> int:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m choreo_local.embedded.kubeapi")
    parser.add_argument("--state", type=Path, required=True, help="folder of the state")
    parser.add_argument("--port", type=int, default=0, help="TCP port, 0 for a free one")
    parser.add_argument("--kubeconfig", type=Path, help="where to write a kubeconfig")
    arguments = parser.parse_args()
    logs.set_up(None)
    try:
        return uvloop.run(_serve(arguments.state, arguments.port, arguments.kubeconfig))
    except ChoreoError as error:
        print(error.message, error.remedy, sep="\n", file=sys.stderr)  # noqa: T201 - a command
        return error.exit_code


async def _serve(state: Path, port: int, kubeconfig: Path | None) -> int:
    state.mkdir(parents=True, exist_ok=True)
    folder = state / "pki"
    authority = pki.ensure_authority(folder, "choreo")
    pki.ensure_server(
        folder, "kubeapi", authority=authority, hosts=["localhost", "127.0.0.1", "kubernetes"]
    )
    admin = pki.ensure_client(
        folder, "admin", authority=authority, user="admin", groups=["system:masters"]
    )
    store = Store(SqliteBackend(state / "kube.db"))
    api = KubeApi(store, KubeApiOptions(signing_key=folder / "tokens.key"))
    await api.start()
    server = Server(api)
    context = tls_context(folder / "kubeapi.crt", folder / "kubeapi.key", folder / "ca.crt")
    port = await server.listen_https(port=port, context=context)
    await server.listen_unix(state / "kube.sock")
    url = f"https://127.0.0.1:{port}"
    if kubeconfig is not None:
        pki.write_private(kubeconfig, _kubeconfig(url, authority, admin))
    print(f"Bare kube API (no controllers, no nodes) on {url}", flush=True)  # noqa: T201 - a command
    await _interrupted()
    await server.stop()
    await api.stop()
    store.close()
    return 0


async def _interrupted() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _kubeconfig(url: str, authority: pki.Identity, admin: pki.Identity) -> bytes:
    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    cluster = {"server": url, "certificate-authority-data": encoded(authority.certificate)}
    user = {
        "client-certificate-data": encoded(admin.certificate),
        "client-key-data": encoded(admin.key),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bare", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": "admin"}}],
        "current-context": "bare",
    }
    return yaml.safe_dump(config).encode()


if __name__ == "__main__":
    sys.exit(main())
