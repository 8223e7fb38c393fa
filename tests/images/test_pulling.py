"""Pulling from registries of others, kind, slow, broken and hostile ones; over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from choreo_local.images import digests, documents, hosts, pulling
from choreo_local.images.client import Patience
from choreo_local.images.credentials import Credential
from choreo_local.images.failures import (
    Corrupted,
    Denied,
    ImageFailure,
    InvalidContent,
    NotThere,
    Unavailable,
)
from choreo_local.images.hosts import Hosts
from choreo_local.images.library import ImageLibrary
from tests.images import builders
from tests.images.builders import MadeImage, entry, layer
from tests.images.strangers import Stranger, serving

IMPATIENT = Patience(attempts=3, first_seconds=0.001, most_seconds=0.01)
MADE = builders.image(
    layer(entry("bin/app", b"program" * 50_000, mode=0o755)),
    layer(entry("etc/conf", b"1"), entry("bin/.wh.none")),
    config={"Entrypoint": ["/bin/app"]},
)


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    async with serving() as found:
        found.add(MADE)
        yield found


@pytest.fixture
def library(tmp_path: Path) -> ImageLibrary:
    return ImageLibrary(tmp_path / "images", patience=IMPATIENT)


def with_hosts(library: ImageLibrary, found: Hosts) -> ImageLibrary:
    return ImageLibrary(library.folders.root, lambda: found, patience=IMPATIENT)


async def pulled_tree(library: ImageLibrary, reference: str) -> dict[str, str]:
    ready = await library.pull_unpacked(reference)
    found = builders.tree(ready.root.path)
    ready.root.release()
    return found


async def test_an_image_is_pulled_and_unpacked(stranger: Stranger, library: ImageLibrary) -> None:
    found = await pulled_tree(library, f"{stranger.host}/a/b:1")
    assert sorted(found) == ["bin", "bin/app", "etc", "etc/conf"]
    stored = library.find(f"{stranger.host}/a/b:1")
    assert stored is not None
    assert str(stored.named.digest) == MADE.digest
    assert stored.config.entrypoint == ["/bin/app"]
    assert stored.named.size == sum(map(len, MADE.blobs.values()))


@pytest.mark.parametrize("compression", ["", "+gzip", "+zstd"])
async def test_layers_are_pulled_in_every_compression(
    stranger: Stranger, library: ImageLibrary, compression: str
) -> None:
    stranger.add(builders.image(layer(entry("x", b"1")), compression=compression), "c")
    assert await pulled_tree(library, f"{stranger.host}/a/b:c") == {"x": "1"}


async def test_a_layer_of_docker_may_be_compressed_otherwise_than_it_says(
    stranger: Stranger, library: ImageLibrary
) -> None:
    made = builders.image(layer(entry("x", b"1")), compression="+zstd")
    manifest = made.manifest.replace(b"+zstd", b"+gzip")
    stranger.blobs |= made.blobs
    stranger.put(manifest, "z", documents.OCI_MANIFEST)
    assert await pulled_tree(library, f"{stranger.host}/a/b:z") == {"x": "1"}


async def test_what_is_here_is_not_asked_for_again(
    stranger: Stranger, library: ImageLibrary
) -> None:
    await library.pull(f"{stranger.host}/a/b:1")
    stranger.asked.clear()
    await library.pull(f"{stranger.host}/a/b:1")
    await library.pull(f"{stranger.host}/other/name:1")
    assert stranger.asked == ["HEAD /v2/a/b/manifests/1", "HEAD /v2/other/name/manifests/1"]


async def test_a_moved_tag_is_noticed(stranger: Stranger, library: ImageLibrary) -> None:
    await library.pull(f"{stranger.host}/a/b:1")
    stranger.add(builders.image(layer(entry("new", b"2"))), "1")
    assert await pulled_tree(library, f"{stranger.host}/a/b:1") == {"new": "2"}


async def test_the_platform_of_this_machine_is_chosen(
    stranger: Stranger, library: ImageLibrary
) -> None:
    own = platform_of(MADE)
    other = builders.image(layer(entry("no", b"")), platform=("linux", "pdp11"))
    index = builders.index((other, "linux", "pdp11"), (MADE, *own))
    stranger.put(index, "many", documents.OCI_INDEX)
    stored = await library.pull(f"{stranger.host}/a/b:many")
    assert str(stored.named.manifest) == MADE.digest
    assert str(stored.named.digest) == builders.sha256(index)
    by_digest = f"{stranger.host}/a/b@{builders.sha256(index)}"
    assert library.find(by_digest) is not None
    stranger.put(builders.index((other, "linux", "pdp11")), "none", documents.OCI_INDEX)
    with pytest.raises(NotThere, match="no match for platform in manifest"):
        await library.pull(f"{stranger.host}/a/b:none")


def platform_of(made: MadeImage) -> tuple[str, str]:
    found = documents.read_config(made.config).platform
    return found.os, found.architecture


async def test_two_instances_pull_an_image_once(stranger: Stranger, library: ImageLibrary) -> None:
    others = [ImageLibrary(library.folders.root, patience=IMPATIENT) for _ in range(4)]
    await asyncio.gather(*(one.pull(f"{stranger.host}/a/b:1") for one in others))
    gets = [text for text in stranger.asked if "/blobs/" in text]
    assert len(gets) == len(MADE.blobs)


# --- broken connections ---------------------------------------------------------------------------


def largest(made: MadeImage) -> str:
    return max(made.blobs, key=lambda digest: len(made.blobs[digest]))


def single(data: bytes) -> MadeImage:
    return builders.image(layer(entry("big", data)), compression="")


BIG = single(bytes(range(256)) * 4000)


async def test_a_download_goes_on_where_it_broke_off(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stranger.add(BIG, "big")
    stranger.faults.append(breaking(stranger, largest(BIG), [400_000, 300_000]))
    assert await pulled_tree(library, f"{stranger.host}/a/b:big")
    ranges = [text.split()[2] for text in stranger.asked if "bytes=" in text]
    assert len(ranges) == 2
    assert all(int(text[6:-1]) > 0 for text in ranges)


def breaking(stranger: Stranger, digest: str, after: list[int]) -> Callable[[web.Request], None]:
    """Breaks off only the answers with one blob."""

    def prepare(request: web.Request) -> None:
        if request.path.endswith(digest) and after:
            stranger.broken_after.append(after.pop(0))

    return prepare


async def test_a_download_begins_anew_where_no_parts_are_sent(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stranger.add(BIG, "big")
    stranger.ranges = False
    stranger.faults.append(breaking(stranger, largest(BIG), [400_000]))
    assert await pulled_tree(library, f"{stranger.host}/a/b:big")


async def test_half_a_download_serves_the_next_process(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stranger.add(BIG, "big")
    stranger.faults.append(breaking(stranger, largest(BIG), [400_000, 0, 0, 0, 0, 0]))
    with pytest.raises(Unavailable):
        await library.pull(f"{stranger.host}/a/b:big")
    assert library.find(f"{stranger.host}/a/b:big") is None
    stranger.faults.clear()
    stranger.broken_after.clear()
    stranger.asked.clear()
    later = ImageLibrary(library.folders.root, patience=IMPATIENT)
    assert await pulled_tree(later, f"{stranger.host}/a/b:big")
    assert any("bytes=" in text for text in stranger.asked)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_server_in_trouble_is_asked_again(
    stranger: Stranger, library: ImageLibrary, status: int
) -> None:
    left = [status] * 2

    def trouble(request: web.Request) -> web.Response | None:
        return web.Response(status=left.pop()) if left else None

    stranger.faults.append(trouble)
    assert await library.pull(f"{stranger.host}/a/b:1")


async def test_but_not_for_ever(stranger: Stranger, library: ImageLibrary) -> None:
    stranger.faults.append(lambda request: web.Response(status=503))
    with pytest.raises(Unavailable, match="503 Service Unavailable"):
        await library.pull(f"{stranger.host}/a/b:1")
    assert len(stranger.asked) == IMPATIENT.attempts


async def test_a_registry_that_is_down_is_told_at_once(library: ImageLibrary) -> None:
    async with serving() as stranger:
        host = stranger.host
    with pytest.raises(Unavailable) as caught:
        await library.pull(f"{host}/a/b:1")
    assert caught.value.message == (
        f'failed to resolve reference "{host}/a/b:1": failed to do request: '
        f'Head "http://{host}/v2/a/b/manifests/1": dial tcp {host}: connect: connection refused'
    )


# --- wrong contents -------------------------------------------------------------------------------


async def test_a_missing_image_is_worded_as_elsewhere(
    stranger: Stranger, library: ImageLibrary
) -> None:
    name = f"{stranger.host}/a/b:none"
    with pytest.raises(NotThere) as caught:
        await library.pull(name)
    assert caught.value.message == f'failed to resolve reference "{name}": {name}: not found'
    assert caught.value.code == "NotFound"


def replaced(made: MadeImage, content: bytes) -> dict[str, bytes]:
    return {**made.blobs, largest(made): content}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"X" * len(BIG.blobs[largest(BIG)]), "unexpected commit digest"),
        (BIG.blobs[largest(BIG)][:-1], "unexpected EOF"),
        (BIG.blobs[largest(BIG)] + b"more", "longer than announced"),
        (b"", "unexpected EOF"),
    ],
    ids=["other", "short", "long", "empty"],
)
async def test_a_wrong_layer_is_never_used(
    stranger: Stranger, library: ImageLibrary, content: bytes, words: str
) -> None:
    stranger.add(BIG, "big")
    stranger.blobs |= replaced(BIG, content)
    with pytest.raises(ImageFailure, match=words):
        await library.pull(f"{stranger.host}/a/b:big")
    assert library.find(f"{stranger.host}/a/b:big") is None
    stranger.add(BIG, "big")
    assert await pulled_tree(library, f"{stranger.host}/a/b:big")


async def test_a_wrong_manifest_is_never_used(stranger: Stranger, library: ImageLibrary) -> None:
    stranger.manifests[MADE.digest] = (documents.OCI_MANIFEST, MADE.manifest + b" ")
    stranger.faults.append(
        lambda request: web.Response(status=405) if request.method == "HEAD" else None
    )
    with pytest.raises(Corrupted, match="unexpected digest of manifest"):
        await library.pull(f"{stranger.host}/a/b@{MADE.digest}")


async def test_an_archive_other_than_the_configuration_says_is_refused(
    stranger: Stranger, library: ImageLibrary
) -> None:
    honest = builders.image(layer(entry("a", b"1")))
    other = builders.image(layer(entry("b", b"2")))
    config_digest = builders.sha256(other.config).encode()
    manifest = honest.manifest.replace(builders.sha256(honest.config).encode(), config_digest)
    stranger.blobs |= honest.blobs | other.blobs
    stranger.put(manifest, "mixed", documents.OCI_MANIFEST)
    with pytest.raises(InvalidContent, match="wrong diff id calculated on extraction"):
        await library.pull_unpacked(f"{stranger.host}/a/b:mixed")


async def test_a_layer_that_the_disk_spoilt_is_pulled_again(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stored = await library.pull(f"{stranger.host}/a/b:1")
    blob = library.folders.blob(stored.manifest.layers[0].digest)
    damaged = bytearray(blob.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    blob.write_bytes(damaged)
    assert "bin/app" in await pulled_tree(library, f"{stranger.host}/a/b:1")


async def test_what_the_disk_spoilt_and_nobody_has_any_more_is_told_whole(
    stranger: Stranger, library: ImageLibrary
) -> None:
    reference = f"{stranger.host}/a/b:1"
    await library.pull(reference)
    digest = builders.sha256(MADE.layers[0])
    library.folders.blob(digests.parse(digest)).write_bytes(b"spoilt")
    del stranger.blobs[digest]
    with pytest.raises(Corrupted, match="damaged on the disk, and it cannot be had anew: ") as told:
        await library.pull_unpacked(reference)
    assert "404 Not Found" in told.value.message


async def test_a_huge_manifest_is_not_read(stranger: Stranger, library: ImageLibrary) -> None:
    stranger.put(b"[" + b" " * (8 << 20) + b"]", "huge", documents.OCI_MANIFEST)
    with pytest.raises(InvalidContent, match="longer than"):
        await library.pull(f"{stranger.host}/a/b:huge")


async def test_an_artifact_is_no_image(stranger: Stranger, library: ImageLibrary) -> None:
    made = builders.image()
    manifest = made.manifest.replace(
        b'"layers": []', b'"layers": [%s]' % artifact_layer(stranger, b"weights")
    )
    stranger.blobs |= made.blobs
    stranger.put(manifest, "art", documents.OCI_MANIFEST)
    with pytest.raises(InvalidContent, match="cannot be unpacked"):
        await library.pull(f"{stranger.host}/a/b:art")


def artifact_layer(stranger: Stranger, data: bytes) -> bytes:
    stranger.blobs[builders.sha256(data)] = data
    text = f'{{"mediaType": "x/y", "digest": "{builders.sha256(data)}", "size": {len(data)}}}'
    return text.encode()


# --- credentials ----------------------------------------------------------------------------------


def secret(stranger: Stranger, password: str = "right") -> Credential:
    return Credential(stranger.host, "ada", password)


@pytest.mark.parametrize("with_token", [False, True])
async def test_a_password_opens_the_registry(
    stranger: Stranger, library: ImageLibrary, *, with_token: bool
) -> None:
    stranger.passwords = {"ada": "right"}
    stranger.realm = f"http://{stranger.host}/token" if with_token else ""
    name = f"{stranger.host}/a/b:1"
    for secrets in ([], [secret(stranger, "wrong")]):
        with pytest.raises(Denied, match="failed to resolve reference"):
            await library.pull(name, secrets)
    await library.pull(name, [secret(stranger, "wrong"), secret(stranger)])
    assert library.find(name, [secret(stranger)]) is not None


async def test_who_has_no_credentials_may_not_use_what_others_pulled(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stranger.passwords = {"ada": "right", "bob": "too"}
    name = f"{stranger.host}/a/b:1"
    bob = Credential(stranger.host, "bob", "too")
    await library.pull(name, [secret(stranger)])
    assert library.find(name, []) is None
    assert library.find(name, [bob]) is None
    await library.pull(name, [bob])
    assert library.find(name, [bob]) is not None
    assert library.find(name, [secret(stranger)]) is not None


async def test_public_images_are_everybody_s(stranger: Stranger, library: ImageLibrary) -> None:
    await library.pull(f"{stranger.host}/a/b:1")
    assert library.find(f"{stranger.host}/a/b:1", []) is not None


async def test_credentials_do_not_follow_to_another_host(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stranger.passwords = {"ada": "right"}
    async with serving() as storage:
        storage.add(MADE)

        def elsewhere(request: web.Request) -> web.Response | None:
            if "/blobs/" in request.path and "Authorization" in request.headers:
                target = f"http://{storage.host}{request.path}"
                return web.Response(status=307, headers={"Location": target})
            return None

        stranger.faults.append(elsewhere)
        await library.pull(f"{stranger.host}/a/b:1", [secret(stranger)])
        assert len(storage.asked) == len(MADE.blobs)
        assert set(storage.authorizations) == {""}


async def test_credentials_of_other_registries_are_not_sent(
    stranger: Stranger, library: ImageLibrary
) -> None:
    stranger.passwords = {"ada": "right"}
    other = replace(secret(stranger), server="registry.test")
    with pytest.raises(Denied):
        await library.pull(f"{stranger.host}/a/b:1", [other])
    assert set(stranger.authorizations) == {""}


@pytest.mark.parametrize("realm", ["http://tokens.test/token", "ftp://x", "javascript:1", "/token"])
async def test_passwords_are_not_sent_to_an_unsafe_realm(
    stranger: Stranger, library: ImageLibrary, realm: str
) -> None:
    stranger.passwords, stranger.realm = {"ada": "right"}, realm
    with pytest.raises(Denied, match="unsafe realm"):
        await library.pull(f"{stranger.host}/a/b:1", [secret(stranger)])
    assert set(stranger.authorizations) == {""}


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://10.1.2.3/x", "gopher://x/"])
async def test_redirects_lead_to_named_hosts_or_tls_only(
    stranger: Stranger, library: ImageLibrary, target: str
) -> None:
    stranger.faults.append(lambda _: web.Response(status=302, headers={"Location": target}))
    with pytest.raises(Unavailable, match=r"no web address|without TLS"):
        await library.pull(f"{stranger.host}/a/b:1")


async def test_errors_do_not_tell_the_signatures_of_places(
    stranger: Stranger, library: ImageLibrary
) -> None:
    async with serving() as store:
        store.faults.append(lambda _: web.Response(status=403))
        target = f"http://{store.host}/x?scope=a&X-Signature=precious"

        def blobs(request: web.Request) -> web.Response | None:
            is_blob = "/blobs/" in request.path
            return web.Response(status=307, headers={"Location": target}) if is_blob else None

        stranger.faults.append(blobs)
        with pytest.raises(Denied, match=r"scope=a&X-Signature=\[REDACTED\]: 403") as refused:
            await library.pull(f"{stranger.host}/a/b:1")
    assert "precious" not in refused.value.message


async def test_refresh_tokens_do_not_follow_redirects_to_other_hosts(
    stranger: Stranger, library: ImageLibrary
) -> None:
    async with serving() as other:

        def tokens(request: web.Request) -> web.Response | None:
            is_asked = request.path == "/token"
            target = f"http://{other.host}/token"
            return web.Response(status=307, headers={"Location": target}) if is_asked else None

        stranger.faults.append(tokens)
        stranger.passwords, stranger.realm = {"ada": "right"}, f"http://{stranger.host}/token"
        credential = Credential(stranger.host, identity_token="precious")
        with pytest.raises(Unavailable, match="redirects what holds a secret"):
            await library.pull(f"{stranger.host}/a/b:1", [credential])
        assert other.asked == []


async def test_redirects_in_a_circle_end(stranger: Stranger, library: ImageLibrary) -> None:
    def circle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.path})

    stranger.faults.append(circle)
    with pytest.raises(Unavailable, match="redirects"):
        await library.pull(f"{stranger.host}/a/b:1")


# --- mirrors --------------------------------------------------------------------------------------


async def test_a_mirror_is_asked_first(stranger: Stranger, library: ImageLibrary) -> None:
    file = f"mirrors: {{registry.test: {{endpoint: ['http://{stranger.host}']}}}}"
    library = with_hosts(library, hosts.parse(file))
    await library.pull("registry.test/a/b:1", [Credential("registry.test", "ada", "secret")])
    assert library.find("registry.test/a/b:1", []) is not None
    assert set(stranger.authorizations) == {""}


async def test_without_the_mirror_the_registry_serves(
    stranger: Stranger, library: ImageLibrary
) -> None:
    async with serving() as mirror:
        file = f"mirrors: {{'{stranger.host}': {{endpoint: ['http://{mirror.host}']}}}}"
        library = with_hosts(library, hosts.parse(file))
        assert await library.pull(f"{stranger.host}/a/b:1")
        assert mirror.asked == ["HEAD /v2/a/b/manifests/1"]


async def test_plain_http_is_spoken_only_where_it_is_configured(library: ImageLibrary) -> None:
    plain = hosts.parse("mirrors: {registry.invalid: {endpoint: ['http://registry.invalid']}}")
    with pytest.raises(Unavailable, match=r'Head "http://registry\.invalid/'):
        await with_hosts(library, plain).pull("registry.invalid/a/b:1")
    with pytest.raises(Unavailable, match=r'Head "https://registry\.invalid/'):
        await library.pull("registry.invalid/a/b:1")


async def test_what_a_thread_does_with_a_file_is_awaited_when_its_pull_is_cancelled() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def commit() -> None:
        begun.set()
        go_on.wait(60)
        ended.set()

    task = asyncio.create_task(pulling._to_its_end(commit))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
