"""Contexts of kubeconfigs: find one, keep it in a file of its own, connect with what it says.

Used by the drivers of clusters that are not ours. The official client library reads what users say
(certificates, tokens, plugins, OIDC); a context that needs what our client lacks is refused.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from choreo_local.apimachinery import yamltext
from choreo_local.errors import PreflightError
from choreo_local.kubeclient.access import ServerAccess

Content = Mapping[str, Any]
_LISTS = ("clusters", "users", "contexts")
# Fields that may hold the path of a file beside the kubeconfig.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_LACKING = ("proxy-url", "tls-server-name")


def sources(chosen: str, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files to read: the chosen one, those of `KUBECONFIG`, or the usual one."""
    names = chosen or environ.get("KUBECONFIG", "")
    if not names:
        return [Path.home() / ".kube" / "config"]
    return [Path(name).expanduser().absolute() for name in names.split(os.pathsep) if name]


def read(files: Sequence[Path]) -> list[tuple[Path, Content]]:
    """The files that are there; PreflightError when none is, or one is no kubeconfig."""
    found: list[tuple[Path, Content]] = []
    for file in files:
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), yamltext.LOADER) or {}
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise _broken(file, error) from error
        if not isinstance(content, dict):
            raise _broken(file, "it holds no object")
        found.append((file, content))
    if not found:
        raise PreflightError(
            f"cannot find a kubeconfig: there is no {' or '.join(map(str, files))}",
            remedy="Name one: choreo up --driver existing --kubeconfig FILE",
        )
    return found


def _broken(file: Path, error: object) -> PreflightError:
    return PreflightError(
        f"cannot read the kubeconfig {file}: {error}",
        remedy="Name another one: choreo up --driver existing --kubeconfig FILE",
    )


def single(found: Sequence[tuple[Path, Content]], context: str) -> dict[str, Any]:
    """A kubeconfig with one context; of entries with one name the first counts. Pure.

    Args:
        found: files and what they hold.
        context: its name; empty for the current one.
    """
    merged: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _LISTS}
    current = ""
    for file, content in found:
        current = current or str(content.get("current-context") or "")
        for kind in _LISTS:
            for entry in _entries(file, content, kind):
                merged[kind].setdefault(entry["name"], _absolute(entry, file.parent))
    wanted = context or current
    if wanted not in merged["contexts"]:
        raise _no_context(wanted, sorted(merged["contexts"]))
    return _assembled(merged, wanted)


def _entries(file: Path, content: Content, kind: str) -> list[dict[str, Any]]:
    entries = content.get(kind) or []
    inner = kind.removesuffix("s")
    for entry in entries if isinstance(entries, list) else [entries]:
        named = isinstance(entry, dict) and isinstance(entry.get("name"), str)
        if not named or not isinstance(entry.get(inner), dict | None):
            raise _broken(file, f"an entry of {kind} is not as it should be")
    return list(entries)


def _assembled(merged: Mapping[str, Mapping[str, Any]], wanted: str) -> dict[str, Any]:
    chosen = merged["contexts"][wanted]
    inner = chosen.get("context") or {}
    cluster = merged["clusters"].get(str(inner.get("cluster")))
    user = merged["users"].get(str(inner.get("user")))
    if cluster is None or not (cluster.get("cluster") or {}).get("server"):
        raise PreflightError(
            f'cannot use the context "{wanted}": it names no cluster with a server'
        )
    lacking = [field for field in _LACKING if cluster["cluster"].get(field)]
    if lacking:
        raise PreflightError(
            f'cannot use the context "{wanted}": its cluster needs {", ".join(lacking)}, which '
            "choreo cannot do",
            remedy="Choose a context that reaches the API server directly",
        )
    if user is None:
        user = {"name": str(inner.get("user") or "nobody"), "user": {}}
        chosen = {**chosen, "context": {**inner, "user": user["name"]}}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": wanted,
        "clusters": [cluster],
        "users": [user],
        "contexts": [chosen],
    }


def _no_context(wanted: str, known: Sequence[str]) -> PreflightError:
    message = f'cannot find the context "{wanted}"' if wanted else "no context is chosen"
    return PreflightError(
        f"{message}; there are: {', '.join(known) or 'none'}",
        remedy="Name one: choreo up --driver existing --context NAME",
    )


def _absolute(entry: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Paths of files as seen from anywhere."""
    resolved = dict(entry)
    for kind in ("cluster", "user"):
        inner = dict(entry.get(kind) or {})
        for field in _FILES:
            if inner.get(field):
                inner[field] = str(folder / inner[field])
        plugin = inner.get("exec")
        if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
            inner["exec"] = {**plugin, "command": str(folder / plugin["command"])}
        if kind in entry:
            resolved[kind] = inner
    return resolved


def server(content: Content) -> str:
    """Where the API server of a kubeconfig with one context is."""
    return str(content["clusters"][0]["cluster"]["server"]).rstrip("/")


async def connect(content: Content) -> ServerAccess:
    """Access as the user of a kubeconfig with one context; asks plugins anew."""
    try:
        configuration = await _configured(content)
        trust = await asyncio.to_thread(_trust, configuration)
    except (OSError, ValueError, TypeError, LookupError) as error:
        context = content["current-context"]
        raise PreflightError(
            f'cannot use the context "{context}": {error}',
            remedy=f"Try it by hand: kubectl --context {context} get namespaces",
        ) from error
    token = (configuration.api_key or {}).get("BearerToken", "").removeprefix("Bearer ")
    server = str(configuration.host).rstrip("/")
    return ServerAccess(server, trust, (lambda: token) if token else None)


async def _configured(content: Content) -> Any:
    # Loaded late: a third of a second, and only clusters that are not ours need it.
    from kubernetes.aio import client, config
    from kubernetes.aio.config.config_exception import ConfigException

    configuration = client.Configuration()
    load: Any = config.load_kube_config_from_dict
    try:
        await load(dict(content), client_configuration=configuration)
    except ConfigException as error:
        raise ValueError(str(error)) from error
    return configuration


def _trust(configuration: Any) -> ssl.SSLContext | None:
    if not str(configuration.host).startswith("https"):
        return None
    trust = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Authorities that kubectl accepts need not follow every rule of RFC 5280.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        trust.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    return trust
