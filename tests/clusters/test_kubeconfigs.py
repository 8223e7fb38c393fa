"""Contexts of kubeconfigs, as people have them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local import pki
from choreo_local.clusters import kubeconfigs
from choreo_local.errors import PreflightError


def content(name: str = "dev", **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443/", **cluster}}],
        "users": [{"name": "me", "user": {"token": f"of-{name}"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}}],
    }


def written(folder: Path, name: str, what: object) -> Path:
    file = folder / name
    file.write_text(what if isinstance(what, str) else yaml.safe_dump(what))
    return file


def test_the_usual_places_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfigs.sources("", {}) == [tmp_path / ".kube" / "config"]
    several = os.pathsep.join(["/a", "", "/b"])
    assert kubeconfigs.sources("", {"KUBECONFIG": several}) == [Path("/a"), Path("/b")]
    assert kubeconfigs.sources("/c", {"KUBECONFIG": several}) == [Path("/c")]


def test_the_first_of_several_files_counts_and_missing_ones_do_not(tmp_path: Path) -> None:
    one = written(tmp_path, "one", content("dev"))
    two = written(tmp_path, "two", {**content("prod"), "users": content("other")["users"]})
    found = kubeconfigs.read([one, tmp_path / "none", two])
    assert kubeconfigs.single(found, "")["current-context"] == "dev"
    prod = kubeconfigs.single(found, "prod")
    assert kubeconfigs.server(prod) == "https://prod:6443"
    assert prod["users"] == [{"name": "me", "user": {"token": "of-dev"}}]
    assert [len(prod[kind]) for kind in ("clusters", "users", "contexts")] == [1, 1, 1]


def test_paths_are_as_seen_from_the_file(tmp_path: Path) -> None:
    what = content("dev", **{"certificate-authority": "ca.crt"})
    what["users"][0]["user"] = {"client-key": "/abs/key", "exec": {"command": "./bin/login"}}
    file = written(tmp_path, "config", what)
    found = kubeconfigs.single(kubeconfigs.read([file]), "dev")
    assert found["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    user = found["users"][0]["user"]
    assert user["client-key"] == "/abs/key"
    assert user["exec"]["command"] == str(tmp_path / "bin" / "login")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("[1, 2]", "no object"),
        ("a: b: c", "cannot read"),
        ({"clusters": [1]}, "an entry of clusters"),
        ({"users": {"a": 1}}, "an entry of users"),
        ({"contexts": [{"name": "x", "context": "y"}]}, "an entry of contexts"),
        ({"current-context": "x", "contexts": [{"name": "x"}]}, "no cluster with a server"),
        (content("x", **{"proxy-url": "http://p"}), "proxy-url"),
        ({}, "no context is chosen"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_reason(
    tmp_path: Path, what: object, said: str
) -> None:
    file = written(tmp_path, "config", what)
    with pytest.raises(PreflightError, match=said):
        kubeconfigs.single(kubeconfigs.read([file]), "")


def test_an_unknown_context_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    found = kubeconfigs.read([written(tmp_path, "config", content("dev"))])
    with pytest.raises(PreflightError, match='cannot find the context "prod"; there are: dev'):
        kubeconfigs.single(found, "prod")


def test_no_kubeconfig_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="cannot find a kubeconfig"):
        kubeconfigs.read([tmp_path / "none"])


async def test_a_context_without_a_user_asks_as_nobody(tmp_path: Path) -> None:
    what = {**content("dev"), "users": []}
    what["contexts"] = [{"name": "dev", "context": {"cluster": "dev"}}]
    found = kubeconfigs.single([(tmp_path / "config", what)], "dev")
    access = await kubeconfigs.connect(found)
    assert access.token is None


async def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    what = content("dev", **{"certificate-authority-data": "bm90aGluZw=="})
    with pytest.raises(PreflightError, match='cannot use the context "dev"'):
        await kubeconfigs.connect(kubeconfigs.single([(tmp_path / "config", what)], "dev"))


async def test_plugins_and_authorities_are_asked(tmp_path: Path) -> None:
    authority = pki.create_authority("cluster")
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    plugin = tmp_path / "login"
    plugin.write_text(
        "#!/bin/sh\n"
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "from-the-plugin"}}\'\n'
    )
    plugin.chmod(0o755)
    what = content("dev", **{"certificate-authority": "ca.crt"})
    api = "client.authentication.k8s.io/v1"
    plugin_words = {"command": "./login", "apiVersion": api, "interactiveMode": "Never"}
    what["users"][0]["user"] = {"exec": plugin_words}
    file = written(tmp_path, "config", what)

    access = await kubeconfigs.connect(kubeconfigs.single(kubeconfigs.read([file]), ""))

    assert access.server == "https://dev:6443"
    assert access.token is not None
    assert access.token() == "from-the-plugin"
    assert access.trust is not None
    assert "from-the-plugin" not in repr(access)
