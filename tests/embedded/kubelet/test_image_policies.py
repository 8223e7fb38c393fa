"""What pods say about their images, down to what registries are asked."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from choreo_local import pki
from choreo_local.embedded.kubelet import kinds
from choreo_local.embedded.kubelet.realimages import RealImages
from choreo_local.images import configured, documents
from choreo_local.paths import InstancePaths
from tests.embedded.kubelet.livenode import LiveNode, live_node, waiting
from tests.images import builders
from tests.images.builders import MadeImage, entry, layer
from tests.images.strangers import Stranger, serving

MADE = builders.image(layer(entry("bin/app", b"#!", mode=0o755)))
OTHER = builders.image(layer(entry("bin/app", b"#!!", mode=0o755)))


@dataclass
class Cluster:
    """A node, a registry, and the user's settings."""

    node: LiveNode
    stranger: Stranger
    paths: InstancePaths

    async def run(self, name: str, image: str, **container: Any) -> None:
        fields = {"image": image, "imagePullPolicy": "IfNotPresent", **container}
        await self.node.run(name=name, container=fields)

    async def pulled(self, name: str) -> str:
        """The event of a pod whose image is there."""
        return await self.node.until_event("Pulled", name=name)

    async def failure(self, name: str) -> str:
        return await self.node.until_event("Failed", name=name)

    def asked(self) -> list[str]:
        """What the registry was asked since the last time."""
        found, self.stranger.asked = self.stranger.asked, []
        return found


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    paths = InstancePaths.of("one", tmp_path / "home")
    paths.root.mkdir(parents=True)
    async with serving() as stranger, live_node(tmp_path) as node:
        stranger.add(MADE)
        library = configured.open_library(paths)
        await node.start(node.process_runtime(open_real=lambda: RealImages(library)))
        yield Cluster(node, stranger, paths)


async def test_if_not_present_asks_once(cluster: Cluster) -> None:
    image = f"{cluster.stranger.host}/a/b:1"
    await cluster.run("first", image)
    assert (await cluster.pulled("first")).startswith("Successfully pulled")
    assert "HEAD /v2/a/b/manifests/1" in cluster.asked()
    await cluster.run("second", image)
    assert "already present on machine" in await cluster.pulled("second")
    assert cluster.asked() == []


async def test_always_asks_each_time_and_gets_what_the_tag_means_now(cluster: Cluster) -> None:
    image = f"{cluster.stranger.host}/a/b:1"
    await cluster.run("first", image, imagePullPolicy="Always")
    await cluster.pulled("first")
    blobs = [line for line in cluster.asked() if "/blobs/" in line]
    assert len(blobs) == 2
    await cluster.run("second", image, imagePullPolicy="Always")
    assert (await cluster.pulled("second")).startswith("Successfully pulled")
    assert cluster.asked() == ["HEAD /v2/a/b/manifests/1"]
    cluster.stranger.add(OTHER)
    await cluster.run("third", image, imagePullPolicy="Always")
    await cluster.pulled("third")
    assert f"GET /v2/a/b/blobs/{builders.sha256(OTHER.layers[0])}" in cluster.asked()


async def test_never_asks_nobody(cluster: Cluster) -> None:
    image = f"{cluster.stranger.host}/a/b:1"
    await cluster.run("early", image, imagePullPolicy="Never")
    await cluster.node.until(waiting("ErrImageNeverPull"), name="early")
    assert cluster.asked() == []
    await cluster.run("other", image)
    await cluster.pulled("other")
    await cluster.run("late", image, imagePullPolicy="Never")
    assert "already present on machine" in await cluster.pulled("late")


@pytest.mark.parametrize(("tag", "policy"), [("latest", "Always"), ("1", "IfNotPresent")])
async def test_the_tag_decides_without_a_policy(cluster: Cluster, tag: str, policy: str) -> None:
    cluster.stranger.add(MADE, tag)
    image = f"{cluster.stranger.host}/a/b:{tag}".removesuffix(":latest")
    for name in ("first", "second"):
        await cluster.run(name, image, imagePullPolicy=None)
        await cluster.pulled(name)
    found = await cluster.node.client.get(kinds.PODS, "second", "default")
    assert found["spec"]["containers"][0]["imagePullPolicy"] == policy
    heads = [line for line in cluster.asked() if line.startswith("HEAD")]
    assert len(heads) == (2 if policy == "Always" else 1)


async def test_a_digest_names_its_content_only(cluster: Cluster) -> None:
    host = cluster.stranger.host
    await cluster.run("exact", f"{host}/a/b@{MADE.digest}")
    await cluster.pulled("exact")
    await cluster.run("tagged", f"{host}/a/b:other@{MADE.digest}")
    await cluster.pulled("tagged")
    cluster.stranger.manifests[OTHER.digest] = (documents.OCI_MANIFEST, MADE.manifest)
    await cluster.run("swapped", f"{host}/a/b@{OTHER.digest}")
    message = await cluster.failure("swapped")
    assert f"expected {OTHER.digest}" in message
    assert "code = FailedPrecondition" in message


async def test_an_index_serves_the_platform_of_the_node(cluster: Cluster) -> None:
    elsewhere = builders.image(layer(entry("bin/app")), platform=("linux", "mips"))
    system, architecture = platform_of(MADE)
    cluster.stranger.add(elsewhere, "elsewhere")
    both = builders.index((elsewhere, "linux", "mips"), (MADE, system, architecture))
    only = builders.index((elsewhere, "linux", "mips"))
    for tag, content in (("both", both), ("only", only)):
        cluster.stranger.put(content, tag, documents.OCI_INDEX)
    await cluster.run("both", f"{cluster.stranger.host}/a/b:both")
    await cluster.pulled("both")
    assert f"GET /v2/a/b/manifests/{elsewhere.digest}" not in cluster.asked()
    await cluster.run("only", f"{cluster.stranger.host}/a/b:only")
    message = await cluster.failure("only")
    assert message.endswith("no match for platform in manifest: not found")
    assert "code = NotFound" in message


def platform_of(made: MadeImage) -> tuple[str, str]:
    found = documents.read_object(made.config, "configuration")
    return str(found["os"]), str(found["architecture"])


@pytest.mark.parametrize("compression", sorted(builders.COMPRESSIONS))
async def test_layers_come_in_every_compression(cluster: Cluster, compression: str) -> None:
    made = builders.image(layer(entry("bin/app", b"x" * 5000)), compression=compression)
    cluster.stranger.add(made, "packed")
    await cluster.run("packed", f"{cluster.stranger.host}/a/b:packed")
    assert (await cluster.pulled("packed")).startswith("Successfully pulled")
    found = [path.read_bytes() for path in cluster.paths.images.glob("roots/*/files/bin/app")]
    assert found == [b"x" * 5000]


async def test_a_mirror_serves_what_its_registry_cannot(cluster: Cluster) -> None:
    image = "registry.invalid/a/b:1"
    await cluster.run("before", image)
    assert "lookup registry.invalid: no such host" in await cluster.failure("before")
    cluster.paths.registries_file.write_text(
        f"mirrors: {{registry.invalid: {{endpoint: ['http://{cluster.stranger.host}']}}}}"
    )
    # The same pod, at its next attempt: the settings are read anew.
    assert (await cluster.pulled("before")).startswith("Successfully pulled")


async def test_a_registry_is_trusted_as_configured_only(cluster: Cluster, tmp_path: Path) -> None:
    authority = pki.create_authority("stranger")
    pki.save(tmp_path, "server", pki.issue_server(authority, "server", ["localhost"]))
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    secure = Stranger()
    secure.add(MADE)
    async with serving(secure, tls=context):
        host = f"localhost:{secure.port}"
        address = f"mirrors: {{{host}: {{endpoint: ['https://{host}']}}}}\n"
        settings = cluster.paths.registries_file
        settings.write_text(address)
        await cluster.run("careful", f"{host}/a/b:1")
        assert "tls: failed to verify certificate" in await cluster.failure("careful")
        settings.write_text(
            f"{address}configs: {{{host}: {{tls: {{ca_file: {tmp_path}/ca.pem}}}}}}"
        )
        await cluster.pulled("careful")
        secure.add(OTHER, "2")
        settings.write_text(
            f"{address}configs: {{{host}: {{tls: {{insecure_skip_verify: true}}}}}}"
        )
        await cluster.run("careless", f"{host}/a/b:2")
        await cluster.pulled("careless")


async def test_a_host_elsewhere_is_never_asked_without_tls_by_itself(cluster: Cluster) -> None:
    await cluster.run("careful", "registry.invalid:5000/a/b:1")
    message = await cluster.failure("careful")
    assert 'Head "https://registry.invalid:5000/v2/a/b/manifests/1"' in message
    cluster.paths.registries_file.write_text(
        "mirrors: {'registry.invalid:5000': {endpoint: ['http://registry.invalid:5000']}}"
    )
    await cluster.run("told", "registry.invalid:5000/a/b:2")
    message = await cluster.failure("told")
    assert 'Head "http://registry.invalid:5000/v2/a/b/manifests/2"' in message


async def test_what_no_pod_uses_is_cleared_away_beyond_the_bound(tmp_path: Path) -> None:
    paths = InstancePaths.of("one", tmp_path / "home")
    paths.root.mkdir(parents=True)
    library = configured.open_library(paths, environ={configured.SPACE: "1"})
    async with serving() as stranger, live_node(tmp_path) as node:
        stranger.add(MADE)
        runtime = node.process_runtime(lambda: RealImages(library), collect_seconds=0.05)
        await node.start(runtime)
        await node.run(container={"image": f"{stranger.host}/a/b:1"})
        await node.until_event("Pulled")
        assert [image.is_real for image in runtime.images() if stranger.host in image.reference]
        await node.delete(grace=0)
        await node.until_gone()
        # Long ago, as far as the store knows.
        for file in library.folders.names.iterdir():
            os.utime(file, (0, 0))

        async def left() -> int:
            return sum(1 for path in paths.images.rglob("*") if path.name == "app") + len(
                library.all()
            )

        await node.settled(left, 0)
