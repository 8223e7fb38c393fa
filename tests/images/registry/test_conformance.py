"""What the distribution specification asks of a registry, case by case."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest

from choreo_local.images import documents
from tests.images import builders
from tests.images.builders import entry, layer, sha256
from tests.images.registry.conftest import Registry

MADE = builders.image(layer(entry("a", b"1" * 1000)), layer(entry("b", b"2")))
NOTHING = "sha256:" + "0" * 64


# --- pull -----------------------------------------------------------------------------------------


async def test_it_says_which_interface_it_has(registry: Registry) -> None:
    for path in ("/v2/", "/v2"):
        found = await registry.ask("GET", path)
        assert found.status == 200
        assert found.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


async def test_a_pushed_image_is_pulled(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    for target in ("1", MADE.digest):
        for method in ("GET", "HEAD"):
            found = await registry.ask(method, f"/v2/a/b/manifests/{target}")
            assert found.status == 200
            assert found.headers["Docker-Content-Digest"] == MADE.digest
            assert found.headers["Content-Type"] == documents.OCI_MANIFEST
            assert found.headers["Content-Length"] == str(len(MADE.manifest))
            assert found.body == (MADE.manifest if method == "GET" else b"")
    for digest, content in MADE.blobs.items():
        for method in ("GET", "HEAD"):
            found = await registry.ask(method, f"/v2/a/b/blobs/{digest}")
            assert (found.status, found.headers["Docker-Content-Digest"]) == (200, digest)
            assert found.headers["Content-Length"] == str(len(content))
            assert found.body == (content if method == "GET" else b"")


async def test_a_part_of_a_blob_is_pulled(registry: Registry) -> None:
    digest = await registry.push_blob("a/b", b"0123456789")
    found = await registry.ask("GET", f"/v2/a/b/blobs/{digest}", Range="bytes=3-5")
    assert (found.status, found.body) == (206, b"345")
    assert found.headers["Content-Range"] == "bytes 3-5/10"
    found = await registry.ask("GET", f"/v2/a/b/blobs/{digest}", Range="bytes=7-")
    assert (found.status, found.body) == (206, b"789")
    found = await registry.ask("GET", f"/v2/a/b/blobs/{digest}", Range="bytes=20-")
    assert found.status == 416


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/v2/a/b/blobs/{NOTHING}", "BLOB_UNKNOWN"),
        ("/v2/a/b/manifests/none", "MANIFEST_UNKNOWN"),
        (f"/v2/a/b/manifests/{NOTHING}", "MANIFEST_UNKNOWN"),
        ("/v2/none/manifests/1", "NAME_UNKNOWN"),
        ("/v2/none/tags/list", "NAME_UNKNOWN"),
        ("/v2/a/b/blobs/uploads/none", "BLOB_UPLOAD_UNKNOWN"),
    ],
)
async def test_what_is_missing_is_404(registry: Registry, path: str, code: str) -> None:
    await registry.push("a/b", "1", MADE)
    found = await registry.ask("GET", path)
    assert (found.status, found.code) == (404, code)
    assert (await registry.ask("HEAD", path)).status == 404


async def test_a_blob_belongs_to_the_repositories_that_have_it(registry: Registry) -> None:
    digest = await registry.push_blob("secret/one", b"content")
    assert (await registry.ask("GET", f"/v2/other/blobs/{digest}")).status == 404


async def test_a_manifest_comes_only_as_what_is_accepted(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    for accepted, status in [
        (documents.OCI_MANIFEST, 200),
        (f"{documents.DOCKER_MANIFEST}, {documents.OCI_MANIFEST};q=0.5", 200),
        ("*/*", 200),
        ("application/*", 200),
        (documents.DOCKER_MANIFEST, 404),
    ]:
        found = await registry.ask("GET", "/v2/a/b/manifests/1", Accept=accepted)
        assert found.status == status, accepted


# --- push -----------------------------------------------------------------------------------------


async def test_a_blob_is_pushed_in_two_requests(registry: Registry) -> None:
    begun = await registry.ask("POST", "/v2/a/b/blobs/uploads/")
    assert begun.status == 202
    place, data = begun.headers["Location"], b"content"
    found = await registry.ask("PUT", f"{place}?digest={sha256(data)}", data)
    assert found.status == 201
    assert found.headers["Location"] == f"/v2/a/b/blobs/{sha256(data)}"
    assert (await registry.ask("GET", found.headers["Location"])).body == data
    assert (await registry.ask("GET", place)).code == "BLOB_UPLOAD_UNKNOWN"


async def test_a_blob_is_pushed_in_chunks(registry: Registry) -> None:
    place = (await registry.ask("POST", "/v2/a/b/blobs/uploads/")).headers["Location"]
    first = await registry.ask("PATCH", place, b"01234", Content_Range="0-4")
    assert (first.status, first.headers["Range"]) == (202, "0-4")
    place = first.headers["Location"]
    for wrong in ("0-4", "6-10", "5-4", "5-20", "x-y", "-5"):
        found = await registry.ask("PATCH", place, b"56789", Content_Range=wrong)
        assert (found.status, found.headers["Range"]) == (416, "0-4"), wrong
    second = await registry.ask("PATCH", place, b"56789", Content_Range="5-9")
    assert second.headers["Range"] == "0-9"
    asked = await registry.ask("GET", place)
    assert (asked.status, asked.headers["Range"]) == (204, "0-9")
    digest = sha256(b"0123456789abc")
    found = await registry.ask("PUT", f"{place}?digest={digest}", b"abc", Content_Range="10-12")
    assert found.status == 201
    assert (await registry.ask("GET", f"/v2/a/b/blobs/{digest}")).body == b"0123456789abc"


async def test_a_blob_is_streamed_in_one_chunk(registry: Registry) -> None:
    place = (await registry.ask("POST", "/v2/a/b/blobs/uploads/")).headers["Location"]
    assert (await registry.ask("PATCH", place, b"stream")).status == 202
    assert (await registry.ask("PATCH", place, b"ed")).headers["Range"] == "0-7"
    found = await registry.ask("PUT", f"{place}?digest={sha256(b'streamed')}")
    assert found.status == 201


async def test_an_upload_is_given_up(registry: Registry) -> None:
    place = (await registry.ask("POST", "/v2/a/b/blobs/uploads/")).headers["Location"]
    await registry.ask("PATCH", place, b"content")
    assert (await registry.ask("DELETE", place)).status == 204
    assert (await registry.ask("PATCH", place, b"content")).status == 404
    assert list(registry.library.folders.ingest.iterdir()) == []


async def test_an_upload_that_two_finish_at_once_is_gone_for_the_second(
    registry: Registry,
) -> None:
    place = (await registry.ask("POST", "/v2/a/b/blobs/uploads/")).headers["Location"]
    data = b"content" * 200_000
    path = f"{place}?digest={sha256(data)}"
    found = await asyncio.gather(*(registry.ask("PUT", path, data) for _ in range(2)))
    assert sorted(answer.status for answer in found) == [201, 404]


@pytest.mark.parametrize("digest", ["", "sha256:x", "md5:" + "0" * 32, sha256(b"other")])
async def test_a_blob_with_a_wrong_digest_is_refused(registry: Registry, digest: str) -> None:
    found = await registry.ask("POST", f"/v2/a/b/blobs/uploads/?digest={digest}", b"content")
    assert (found.status, found.code) == (400, "DIGEST_INVALID")
    assert (await registry.ask("GET", f"/v2/a/b/blobs/{sha256(b'content')}")).status == 404
    assert list(registry.library.folders.ingest.iterdir()) == []


async def test_other_algorithms_are_taken(registry: Registry) -> None:
    digest = "sha512:" + hashlib.sha512(b"content").hexdigest()
    found = await registry.ask("POST", f"/v2/a/b/blobs/uploads/?digest={digest}", b"content")
    assert found.status == 201
    assert (await registry.ask("GET", f"/v2/a/b/blobs/{digest}")).body == b"content"
    await registry.push("a/b", "1", MADE)
    by_512 = "sha512:" + hashlib.sha512(MADE.manifest).hexdigest()
    assert (await registry.push_manifest("a/b", by_512, MADE.manifest)).status == 201
    assert (await registry.ask("GET", f"/v2/a/b/manifests/{by_512}")).body == MADE.manifest


async def test_a_blob_is_mounted_from_another_repository(registry: Registry) -> None:
    digest = await registry.push_blob("one", b"content")
    path = f"/v2/two/blobs/uploads/?mount={digest}"
    assert (await registry.ask("POST", path)).status == 202
    assert (await registry.ask("POST", f"{path}&from=three")).status == 202
    assert (await registry.ask("POST", f"{path}&from=../one")).status == 202
    found = await registry.ask("POST", f"{path}&from=one")
    assert (found.status, found.headers["Location"]) == (201, f"/v2/two/blobs/{digest}")
    assert (await registry.ask("GET", f"/v2/two/blobs/{digest}")).body == b"content"


async def test_a_manifest_needs_its_contents(registry: Registry) -> None:
    found = await registry.push_manifest("a/b", "1", MADE.manifest)
    assert (found.status, found.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    named = {item["digest"] for item in found.json["errors"][0]["detail"]}
    assert named == set(MADE.blobs)
    index = builders.index((MADE, "linux", "amd64"))
    found = await registry.push_manifest("a/b", "1", index, documents.OCI_INDEX)
    assert found.code == "MANIFEST_BLOB_UNKNOWN"


async def test_an_index_is_pushed(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    index = builders.index((MADE, "linux", "amd64"))
    assert (await registry.push_manifest("a/b", "2", index, documents.OCI_INDEX)).status == 201
    found = await registry.ask("GET", "/v2/a/b/manifests/2")
    assert (found.body, found.headers["Content-Type"]) == (index, documents.OCI_INDEX)


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(MADE.manifest), **changes}).encode()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", documents.OCI_MANIFEST),
        (b"[]", documents.OCI_MANIFEST),
        (changed(config=None), documents.OCI_MANIFEST),
        (changed(layers=[{"digest": "x"}]), documents.OCI_MANIFEST),
        (MADE.manifest, documents.DOCKER_MANIFEST),
        (changed(mediaType="text/html"), "text/html"),
        (changed(subject={"digest": 1}), documents.OCI_MANIFEST),
    ],
)
async def test_a_malformed_manifest_is_refused(
    registry: Registry, content: bytes, kind: str
) -> None:
    await registry.push("a/b", "1", MADE)
    found = await registry.push_manifest("a/b", "2", content, kind)
    assert (found.status, found.code) == (400, "MANIFEST_INVALID")


async def test_a_manifest_has_the_digest_that_it_is_pushed_under(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    found = await registry.push_manifest("a/b", NOTHING, MADE.manifest)
    assert (found.status, found.code) == (400, "DIGEST_INVALID")


async def test_a_manifest_may_not_be_huge(registry: Registry) -> None:
    huge = b" " * (documents.MOST_DOCUMENT_BYTES + 1)
    found = await registry.push_manifest("a/b", "1", huge)
    assert (found.status, found.code) == (413, "SIZE_INVALID")


@pytest.mark.parametrize("tag", ["-a", ".a", "t" * 129, "a%20b", "a%0Ab"])
async def test_a_tag_has_a_form(registry: Registry, tag: str) -> None:
    found = await registry.push_manifest("a/b", tag, MADE.manifest)
    assert (found.status, found.code) == (400, "TAG_INVALID")


@pytest.mark.parametrize(
    "name",
    [
        "A",
        "a_",
        "a//b",
        "_catalog/x",
        "a%2F..%2Fb",
        "..%2f..%2fetc",
        "a" * 300,
        "a%00b",
    ],
)
async def test_a_name_has_a_form(registry: Registry, name: str) -> None:
    found = await registry.ask("GET", f"/v2/{name}/tags/list")
    assert found.status in {400, 404}
    found = await registry.ask("POST", f"/v2/{name}/blobs/uploads/")
    assert found.status in {400, 404}
    assert not registry.folder.exists()


# --- content discovery ----------------------------------------------------------------------------


async def listed(registry: Registry, query: str = "") -> tuple[list[str], str]:
    found = await registry.ask("GET", f"/v2/a/b/tags/list{query}")
    assert found.status == 200, found.body
    assert found.json["name"] == "a/b"
    return found.json["tags"], found.headers.get("Link", "")


async def test_tags_are_listed_in_pages(registry: Registry) -> None:
    for tag in ("v10", "v2", "B", "a", "1"):
        await registry.push("a/b", tag, MADE)
    everything = ["1", "B", "a", "v10", "v2"]
    assert await listed(registry) == (everything, "")
    page, link = await listed(registry, "?n=2")
    assert page == ["1", "B"]
    assert link == '</v2/a/b/tags/list?last=B&n=2>; rel="next"'
    assert (await listed(registry, "?last=B&n=2"))[0] == ["a", "v10"]
    assert await listed(registry, "?last=v10&n=2") == (["v2"], "")
    assert await listed(registry, "?last=v2") == ([], "")
    assert (await listed(registry, "?n=0"))[0] == []
    for wrong in ("-1", "x", "1e3", "9" * 20):
        assert (await registry.ask("GET", f"/v2/a/b/tags/list?n={wrong}")).status == 400


async def test_repositories_are_listed(registry: Registry) -> None:
    for name in ("b", "a/b/c", "a"):
        await registry.push(name, "1", MADE)
    assert (await registry.ask("GET", "/v2/_catalog")).json == {"repositories": ["a", "a/b/c", "b"]}
    found = await registry.ask("GET", "/v2/_catalog?n=1")
    assert (found.json, "Link" in found.headers) == ({"repositories": ["a"]}, True)


def about(subject: str, kind: str) -> bytes:
    subject_ = {"mediaType": documents.OCI_MANIFEST, "digest": subject, "size": 1}
    more = {"artifactType": kind, "annotations": {"org.example": kind}}
    return changed(subject=subject_, **more)


async def test_what_is_about_a_manifest_is_listed(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    empty = await registry.ask("GET", f"/v2/a/b/referrers/{MADE.digest}")
    assert (empty.status, empty.json["manifests"]) == (200, [])
    assert empty.headers["Content-Type"] == documents.OCI_INDEX
    for kind in ("x/sbom", "x/signature"):
        content = about(MADE.digest, kind)
        pushed = await registry.push_manifest("a/b", sha256(content), content)
        assert (pushed.status, pushed.headers["OCI-Subject"]) == (201, MADE.digest)
    found = (await registry.ask("GET", f"/v2/a/b/referrers/{MADE.digest}")).json
    kinds = {item["artifactType"]: item for item in found["manifests"]}
    assert set(kinds) == {"x/sbom", "x/signature"}
    sbom = about(MADE.digest, "x/sbom")
    assert kinds["x/sbom"] == {
        "mediaType": documents.OCI_MANIFEST,
        "digest": sha256(sbom),
        "size": len(sbom),
        "artifactType": "x/sbom",
        "annotations": {"org.example": "x/sbom"},
    }
    path = f"/v2/a/b/referrers/{MADE.digest}?artifactType=x/sbom"
    filtered = await registry.ask("GET", path)
    assert [item["artifactType"] for item in filtered.json["manifests"]] == ["x/sbom"]
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
    assert (await registry.ask("DELETE", f"/v2/a/b/manifests/{sha256(sbom)}")).status == 202
    assert (await registry.ask("GET", path)).json["manifests"] == []


async def test_what_a_manifest_is_about_may_come_later(registry: Registry) -> None:
    content = about(NOTHING, "x/sbom")
    for data in MADE.blobs.values():
        await registry.push_blob("a/b", data)
    assert (await registry.push_manifest("a/b", "sbom", content)).status == 201
    found = await registry.ask("GET", f"/v2/a/b/referrers/{NOTHING}")
    assert len(found.json["manifests"]) == 1
    assert (await registry.ask("GET", "/v2/a/b/referrers/x")).code == "DIGEST_INVALID"


async def test_an_index_with_an_odd_configuration_is_listed(registry: Registry) -> None:
    subject = {"mediaType": documents.OCI_MANIFEST, "digest": NOTHING, "size": 1}
    odd = {
        "schemaVersion": 2,
        "mediaType": documents.OCI_INDEX,
        "manifests": [],
        "config": ["odd"],
        "subject": subject,
    }
    content = json.dumps(odd).encode()
    pushed = await registry.push_manifest("a/b", "odd", content, documents.OCI_INDEX)
    assert pushed.status == 201
    found = await registry.ask("GET", f"/v2/a/b/referrers/{NOTHING}")
    assert [item["digest"] for item in found.json["manifests"]] == [sha256(content)]


# --- content management ---------------------------------------------------------------------------


async def test_a_tag_is_deleted_alone(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    await registry.push("a/b", "2", MADE)
    assert (await registry.ask("DELETE", "/v2/a/b/manifests/1")).status == 202
    assert (await listed(registry))[0] == ["2"]
    assert (await registry.ask("DELETE", "/v2/a/b/manifests/1")).status == 404


async def test_a_manifest_is_deleted_with_its_tags(registry: Registry) -> None:
    await registry.push("a/b", "1", MADE)
    await registry.push("a/b", "2", MADE)
    assert (await registry.ask("DELETE", f"/v2/a/b/manifests/{MADE.digest}")).status == 202
    assert (await listed(registry))[0] == []
    assert (await registry.ask("GET", f"/v2/a/b/manifests/{MADE.digest}")).status == 404


async def test_a_blob_is_deleted(registry: Registry) -> None:
    digest = await registry.push_blob("a/b", b"content")
    assert (await registry.ask("DELETE", f"/v2/a/b/blobs/{digest}")).status == 202
    assert (await registry.ask("GET", f"/v2/a/b/blobs/{digest}")).status == 404
    assert (await registry.ask("DELETE", f"/v2/a/b/blobs/{digest}")).code == "BLOB_UNKNOWN"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v2/"), ("PUT", "/v2/a/tags/list"), ("PATCH", "/v2/a/manifests/1"), ("PUT", "/v2/")],
)
async def test_what_is_not_offered_is_said(registry: Registry, method: str, path: str) -> None:
    found = await registry.ask(method, path)
    assert (found.status, found.code) == (405, "UNSUPPORTED")
    assert (await registry.ask("GET", "/v1/search")).status == 404
    assert (await registry.ask("GET", "/v2x")).status == 404
