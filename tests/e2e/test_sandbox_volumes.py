"""Volumes as programs in sandboxes see them: files that follow objects, and files that stay."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

import pytest

from choreo_local import clock
from tests.e2e.sandboxes import Cluster, Object, idle, pod, python
from tests.e2e.user import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# Reads two keys of a volume all the time, as one version of it; tells of those that do not fit.
READER = """
import os, time
seen = set()
while True:
    time.sleep(0.002)
    folder = os.open("/config/..data", os.O_RDONLY)
    both = [os.read(os.open(name, os.O_RDONLY, dir_fd=folder), 99) for name in ("a", "b")]
    os.closerange(folder, folder + 3)
    version = both[0].decode()
    if both[0] != both[1]:
        print("torn", both)
    elif version not in seen:
        seen.add(version)
        print("saw", version)
"""


def config(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def claim(name: str) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}}
    metadata = {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }


def mount(name: str, path: str, **fields: Any) -> Object:
    return {"name": name, "mountPath": path, **fields}


def has_seen(cluster: Cluster, version: str) -> bool:
    """Whether the reader has read a version."""
    return f"saw {version}" in cluster.log("follower")


def downward(path: str, field: str) -> Object:
    return {"path": path, "fieldRef": {"fieldPath": field}}


def test_files_follow_their_objects_all_at_once(cluster: Cluster) -> None:
    volumes = [
        {"name": "config", "configMap": {"name": "live"}},
        {"name": "secret", "secret": {"secretName": "live"}},
        {"name": "about", "downwardAPI": {"items": [downward("labels", "metadata.labels")]}},
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"configMap": {"name": "live", "items": [{"key": "a", "path": "deep/a"}]}},
                    {"secret": {"name": "live"}},
                    {"downwardAPI": {"items": [downward("note", "metadata.annotations['note']")]}},
                ]
            },
        },
        {"name": "later", "configMap": {"name": "later", "optional": True}},
    ]
    mounts = [
        mount("config", "/config"),
        mount("config", "/etc/one.conf", subPath="a"),
        mount("secret", "/secret"),
        mount("about", "/about"),
        mount("all", "/all"),
        mount("later", "/later"),
    ]
    cluster.apply(
        config("live", a="1", b="1"),
        secret("live", password="old"),
        pod("follower", python(READER, volumeMounts=mounts), labels={"v": "1"}, volumes=volumes),
    )
    cluster.until_ready("follower")
    shown = "cat /config/a /etc/one.conf /secret/password /all/deep/a /all/password /about/labels"
    assert cluster.runs("follower", "sh", "-c", shown) == '11old1oldv="1"'
    assert cluster.runs("follower", "ls", "/later") == ""
    for version in ("2", "3"):
        cluster.apply(config("live", a=version, b=version))
        until(partial(has_seen, cluster, version), what=f"{version} is seen", within=60)
    cluster.apply(secret("live", password="new"), config("later", word="at last"))
    cluster.kubectl("label", "pod", "follower", "v=2", "--overwrite")
    cluster.kubectl("annotate", "pod", "follower", "note=here")
    shown = (
        "cat /config/a /etc/one.conf /secret/password /all/deep/a /all/password /about/labels"
        " /later/word; cat /all/note"
    )
    expected = '31new3newv="2"at lasthere'
    until(
        lambda: cluster.tries("exec", "follower", "--", "sh", "-c", shown).out.strip() == expected,
        what="all files are new, but the one that was mounted alone",
        within=60,
    )
    assert "torn" not in cluster.log("follower")
    printed = cluster.tries("exec", "follower", "--", "sh", "-c", "echo x > /config/mine")
    assert "Read-only file system" in printed.err


def test_files_have_the_modes_and_names_that_are_asked_for(cluster: Cluster) -> None:
    items = [{"key": "a", "path": "sub/first", "mode": 0o440}, {"key": "b", "path": "second"}]
    volumes = [
        {"name": "some", "configMap": {"name": "modes", "defaultMode": 0o400, "items": items}},
        {"name": "shut", "secret": {"secretName": "modes", "defaultMode": 0o600}},
    ]
    mounts = [mount("some", "/some"), mount("shut", "/shut")]
    cluster.apply(
        config("modes", a="A", b="B", c="C"),
        secret("modes", key="K"),
        pod("modes", idle(volumeMounts=mounts), volumes=volumes),
        pod(
            "lacking",
            idle(volumeMounts=[mount("some", "/some")]),
            volumes=[{"name": "some", "configMap": {"name": "no-such"}}],
        ),
    )
    cluster.until_ready("modes")
    shown = "cd /some; stat -Lc '%a %n' sub/first second /shut/key; ls; cat sub/first second"
    assert cluster.runs("modes", "sh", "-c", shown).splitlines() == [
        "440 sub/first",
        "400 second",
        "600 /shut/key",
        "second",
        "sub",
        "AB",
    ]
    words = 'MountVolume.SetUp failed for volume "some" : configmap "no-such" not found'
    until(
        lambda: any(words in each for each in cluster.events("lacking")),
        what="it is said what is missing",
        within=60,
    )
    cluster.apply(config("no-such", a="A"))
    cluster.until_ready("lacking")


def test_folders_are_shared_and_read_only_where_that_is_asked_for(cluster: Cluster) -> None:
    part = [{"name": "PART", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    out = mount("data", "/out", subPathExpr="$(PART)/x")
    volumes: list[Object] = [{"name": "data", "emptyDir": {"medium": "Memory"}}]
    cluster.apply(
        pod(
            "sharing",
            idle(volumeMounts=[mount("data", "/in", readOnly=True)]),
            idle(name="writer", volumeMounts=[out], env=part),
            volumes=volumes,
        ),
    )
    cluster.until_ready("sharing")
    cluster.runs("sharing", "sh", "-c", "echo word > /out/file", container="writer")
    assert cluster.runs("sharing", "cat", "/in/sharing/x/file") == "word"
    printed = cluster.tries("exec", "sharing", "-c", "main", "--", "touch", "/in/mine")
    assert "Read-only file system" in printed.err
    # What a container writes elsewhere is its own, and goes with it.
    cluster.runs("sharing", "sh", "-c", "echo x > /tmp/own", container="writer")
    assert cluster.tries("exec", "sharing", "-c", "main", "--", "ls", "/tmp/own").code != 0
    # It is not kept in memory, and that is said.
    conditions = cluster.status("sharing")["conditions"]
    assert any("emptyDir.medium" in each.get("message", "") for each in conditions)


def test_what_is_claimed_stays(cluster: Cluster) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "kept"}}]
    mounts = [mount("data", "/data"), mount("data", "/part", subPath="deep/part")]
    writer = pod("writer", idle(volumeMounts=mounts), volumes=volumes)
    reader = pod("reader", idle(volumeMounts=mounts), volumes=volumes)
    cluster.apply(claim("kept"), writer)
    cluster.until_ready("writer")
    cluster.runs("writer", "sh", "-c", "echo one > /data/a; echo two > /part/b; sync")
    assert cluster.get("persistentvolumeclaims", "kept")["status"]["phase"] == "Bound"
    cluster.kubectl("delete", "pod", "writer")
    cluster.apply(reader)
    cluster.until_ready("reader")
    shown = ["sh", "-c", "cat /data/a /data/deep/part/b /part/b"]
    assert cluster.runs("reader", *shown) == "one\ntwo\ntwo"
    cluster.user.choreo("down")
    cluster.start()
    cluster.until_ready("reader")
    assert cluster.runs("reader", *shown) == "one\ntwo\ntwo"


def test_files_of_this_machine_are_refused(cluster: Cluster) -> None:
    volumes = [{"name": "machine", "hostPath": {"path": "/etc"}}]
    cluster.apply(pod("curious", idle(volumeMounts=[mount("machine", "/m")]), volumes=volumes))
    words = "hostPath volumes are refused: pods must not reach the files of this machine"
    until(
        lambda: any(words in each for each in cluster.events("curious")),
        what="it is said why",
        within=60,
    )
    assert cluster.status("curious")["phase"] == "Pending"


def test_tokens_are_made_for_whom_they_are_for(cluster: Cluster) -> None:
    token = {"path": "token", "audience": "vault", "expirationSeconds": 600}
    volumes = [{"name": "own", "projected": {"sources": [{"serviceAccountToken": token}]}}]
    cluster.apply(pod("bearer", idle(volumeMounts=[mount("own", "/own")]), volumes=volumes))
    cluster.until_ready("bearer")

    def claims(path: str) -> Object:
        payload = cluster.runs("bearer", "cat", path).split(".")[1]
        found: Object = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return found

    found = claims("/own/token")
    assert found["aud"] == ["vault"]
    assert found["sub"] == "system:serviceaccount:default:default"
    assert found["kubernetes.io"]["pod"]["name"] == "bearer"
    assert 0 < found["exp"] - clock.unix() <= 600
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert claims(f"{place}/token")["exp"] > found["exp"]
    assert cluster.runs("bearer", "cat", f"{place}/namespace") == "default"
    assert "BEGIN CERTIFICATE" in cluster.runs("bearer", "cat", f"{place}/ca.crt")
