"""A second instance from an export of the first: the same bindings, the same rendered objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.user import User

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_COMPARED = (
    "releasebindings",
    "componentreleases",
    "projectreleases",
    "projectreleasebindings",
    "renderedreleases",
    "environments",
    "deploymentpipelines",
    "projects",
    "components",
    "workloads",
    "secretreferences",
    "clustercomponenttypes",
    "clusterdataplanes",
)
_UID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SECRET_REFERENCE = """
apiVersion: openchoreo.dev/v1alpha1
kind: SecretReference
metadata: {name: api, namespace: default}
spec:
  template: {type: Opaque}
  data: [{secretKey: token, remoteRef: {key: prod/api, property: token}}]
"""
_ENTRY = """
apiVersion: v1
kind: Secret
metadata:
  name: prod-api
  namespace: openchoreo-secret-store
  annotations: {choreo.dev/secret-key: prod/api}
stringData: {token: s3cret}
"""
_STAGING_ONLY = {
    "spec": {"workloadOverrides": {"container": {"env": [{"key": "G", "value": "x"}]}}}
}


@pytest.fixture
def second(user: User) -> Iterator[User]:
    """The same person with another instance, which does not exist yet."""
    person = replace(user, instance="second")
    yield person
    person.types("choreo", "down", "--purge", "--yes")


def test_an_export_gives_the_same_bindings_on_an_empty_instance(user: User, second: User) -> None:
    user.choreo("up", "--demo", "--no-tui")
    user.choreo("promote", "greeter", "--to", "staging", "--yes")
    user.kubectl("apply", "-f", "-", text=_ENTRY)
    user.kubectl("apply", "-f", "-", text=_SECRET_REFERENCE)
    patch = json.dumps(_STAGING_ONLY)
    user.kubectl("patch", "releasebinding", "greeter-staging", "--type", "merge", "-p", patch)
    _settle(user)

    out = user.choreo("export", "split", "out", "--with-secrets")
    assert out == "out"
    verified = user.types("choreo", "export", "verify", "out")
    assert verified.code == 0, verified.out
    user.choreo("export", "split", "again", "--with-secrets")
    assert _files(user.home / "again") == _files(user.home / "out")

    second.choreo("up", "--from", "out", "--no-tui")
    _settle(second)
    before = _objects(user)
    assert _objects(second) == before
    entry = second.kubectl("get", "secret", "-n", "openchoreo-secret-store", "-o", "json")
    assert "czNjcmV0" in entry
    refused = user.types("choreo", "up", "--from", "out", "--no-tui")
    assert refused.code == 3
    assert "it is not empty" in refused.err

    second.choreo("down")
    _pretend_it_was_killed_meanwhile(second)
    second.choreo("up", "--no-tui")
    _settle(second)
    assert _objects(second) == before
    noted = second.record()["bundles"]
    assert {"export", "platform"} < set(noted)
    assert "export-pending" not in noted


def _pretend_it_was_killed_meanwhile(user: User) -> None:
    """The instance file as it is while an export is being applied."""
    record = user.record()
    noted = {name: value for name, value in record["bundles"].items() if name != "platform"}
    del noted["export"]
    record["bundles"] = {**noted, "export-pending": str(user.home / "out")}
    (user.folder / "instance.json").write_text(json.dumps(record))


def _settle(user: User) -> None:
    """Return when controllers have done what the bindings say."""
    user.kubectl("wait", "releasebindings", "--all", "--for=condition=Ready", "--timeout=100s")


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _objects(user: User) -> dict[str, Any]:
    """Kind, namespace and name → spec, without what each cluster numbers for itself."""
    found = json.loads(user.kubectl("get", ",".join(_COMPARED), "-A", "-o", "json"))["items"]
    port = user.record()["ports"]["gateway"]
    assert {"ReleaseBinding", "ComponentRelease", "RenderedRelease"} < {e["kind"] for e in found}
    return {_title(each): _plain(each["spec"], port) for each in found}


def _title(obj: Mapping[str, Any]) -> str:
    metadata = obj["metadata"]
    return f"{obj['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def _plain(value: Any, port: int) -> Any:
    if isinstance(value, Mapping):
        # The hash is one of labels that hold uids.
        kept = {
            key: each for key, each in value.items() if key != "openchoreo.dev/dp-resource-hash"
        }
        return {key: _plain(each, port) for key, each in kept.items()}
    if isinstance(value, list):
        return [_plain(each, port) for each in value]
    if isinstance(value, str):
        return _UID.sub("uid", value)
    return "gateway port" if value == port and not isinstance(value, bool) else value
