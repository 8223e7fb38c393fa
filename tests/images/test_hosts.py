"""`registries.yaml`: mirrors, hosts without TLS, credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.errors import UsageError
from choreo_local.images import configured, hosts
from choreo_local.images.failures import Unavailable
from choreo_local.images.hosts import Hosts
from choreo_local.paths import InstancePaths

EXAMPLE = """
mirrors:
  docker.io:
    endpoint: ["https://mirror.test/v2", "http://plain.test:5000"]
    rewrite: {"^library/(.*)": "hub/$1"}
  "*":
    endpoint: ["https://all.test"]
configs:
  mirror.test:
    auth: {username: ada, password: secret}
    tls: {ca_file: /ca.pem, insecure_skip_verify: true}
"""


def urls(found: Hosts, registry: str) -> list[str]:
    return [endpoint.url for endpoint in found.endpoints(registry)]


def test_a_registry_is_asked_at_its_own_address() -> None:
    assert urls(Hosts(), "quay.io") == ["https://quay.io"]
    assert urls(Hosts(), "docker.io") == ["https://registry-1.docker.io"]


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "a.localhost"])
def test_this_machine_is_asked_without_tls(host: str) -> None:
    assert urls(Hosts(), host) == [f"http://{host}"]


@pytest.mark.parametrize("host", ["10.0.0.1:5000", "localhost.test", "127.0.0.1.test", "registry"])
def test_nobody_else_is(host: str) -> None:
    assert urls(Hosts(), host) == [f"https://{host}"]


def test_mirrors_come_before_the_registry() -> None:
    found = hosts.parse(EXAMPLE)
    assert urls(found, "docker.io") == [
        "https://mirror.test",
        "http://plain.test:5000",
        "https://registry-1.docker.io",
    ]
    assert urls(found, "quay.io") == ["https://all.test", "https://quay.io"]
    mirror, _, own = found.endpoints("docker.io")
    assert found.path_at("docker.io", "library/postgres", mirror) == "hub/postgres"
    assert found.path_at("docker.io", "library/postgres", own) == "library/postgres"
    assert found.path_at("docker.io", "a/b", mirror) == "a/b"
    assert found.tls["mirror.test"].skip_verify
    assert found.credentials[0].username == "ada"


def test_the_instance_s_own_registry_needs_no_file() -> None:
    found = hosts.parse("", own={"host.k3d.internal:10082": "http://127.0.0.1:4711"})
    assert urls(found, "host.k3d.internal:10082") == ["http://127.0.0.1:4711"]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "mirrors: []",
        "mirror: {}",
        "mirrors: {a: {endpoint: [ftp://x]}}",
        "mirrors: {a: {endpoint: [x]}}",
        "mirrors: {a: {endpoint: [https://x], rewrite: {'(': b}}}",
        "configs: {a: 1}",
        "a: b: c",
        "!!python/object:os.system {}",
    ],
)
def test_a_malformed_file_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"registries\.yaml"):
        hosts.parse(text)


def test_an_error_does_not_tell_the_line() -> None:
    text = "configs:\n  a:\n    auth: {username: ada, password: precious: }}\n"
    with pytest.raises(UsageError, match="it is no YAML in line 3") as wrong:
        hosts.parse(text)
    assert "precious" not in wrong.value.message


async def test_a_pull_fails_while_the_file_is_malformed(tmp_path: Path) -> None:
    paths = InstancePaths.of("one", tmp_path)
    library = configured.open_library(paths)
    paths.registries_file.write_text("mirror: {}")
    with pytest.raises(Unavailable, match="only mirrors and configs"):
        await library.pull("registry.invalid/a:1")


def test_how_much_room_images_may_take_is_a_setting() -> None:
    assert configured.space({}) == 30 << 30
    assert configured.space({"CHOREO_IMAGE_SPACE": "5Gi"}) == 5 << 30
    for unbounded in ("0", "-1", "a lot"):
        assert configured.space({"CHOREO_IMAGE_SPACE": unbounded}) == 0


def test_the_registries_of_all_instances_keep_their_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        InstancePaths.of(name, tmp_path).registry.mkdir(parents=True)
    InstancePaths.of("three", tmp_path).root.mkdir()
    library = configured.open_library(InstancePaths.of("one", tmp_path))
    assert [path.parent.name for path in library.registries()] == ["one", "two"]
