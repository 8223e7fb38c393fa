"""Reading manifests: what a person gives, and what may be wrong with it."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from choreo_local.cli import manifests
from choreo_local.errors import UsageError

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
TWO = "apiVersion: v1\nkind: Secret\nmetadata: {name: two}\n"


def titles(*paths: str | Path) -> list[str]:
    """Kind and name of everything that is read."""
    return [document.title for document in manifests.read([str(path) for path in paths])]


def test_a_file_holds_several_documents(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"---\n{ONE}---\n# nothing\n---\n{TWO}")
    assert titles(file) == ["configmap/one", "secret/two"]


def test_a_list_is_its_items(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n"
        "- {apiVersion: v1, kind: Secret, metadata: {name: two}}\n"
    )
    assert titles(file) == ["configmap/one", "secret/two"]


def test_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}')
    assert titles(file) == ["configmap/one"]


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text(TWO)
    (tmp_path / "a.yaml").write_text(ONE)
    (tmp_path / "notes.txt").write_text("kind: [")
    assert titles(tmp_path) == ["configmap/one", "secret/two"]


def test_several_sources_come_in_their_order(tmp_path: Path) -> None:
    first, second = tmp_path / "z.yaml", tmp_path / "a.yaml"
    first.write_text(ONE)
    second.write_text(TWO)
    found = manifests.read([str(first), str(second)])
    assert [document.source for document in found] == [str(first), str(second)]


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(ONE))
    (found,) = manifests.read(["-"])
    assert (found.source, found.title) == ("standard input", "configmap/one")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no manifest"),
        ("# nothing\n---\n", "there is no manifest"),
        ("kind: [\n", "line 2"),
        ("a: b: c\n", "line 1"),
        ("just words\n", "must be an object, not str"),
        ("- 1\n", "must be an object, not list"),
        ("kind: ConfigMap\nmetadata: {name: x}\n", "apiVersion: Required value"),
        ("apiVersion: v1\nmetadata: {name: x}\n", "kind: Required value"),
        ("apiVersion: v1\nkind: 7\nmetadata: {name: x}\n", "kind: Required value"),
        ("apiVersion: v1\nkind: ConfigMap\n", "ConfigMap: metadata.name: Required value"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: x\n", "metadata.name: Required value"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1}\n", "metadata.name: Required"),
        ("kind: List\nitems: x\n", "items: must be a list"),
        ("kind: List\nitems: [7]\n", "must be an object, not int"),
        ("kind: List\nitems: []\n", "there is no manifest"),
        ("a: &a [x]\nb: *c\n", "line 2"),
        ("[" * 5_000, "cannot read YAML"),
        ("!!python/object/apply:os.system [true]\n", "cannot read YAML"),
        ("a: \x00\n", "cannot read YAML"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        manifests.read([str(file)])
    assert problem in refused.value.message
    assert "no manifest" in problem or str(file) in refused.value.message


def test_aliases_cannot_make_a_small_file_huge(tmp_path: Path) -> None:
    file = tmp_path / "bomb.yaml"
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    file.write_text(f"a0: &a0 [x]\n{levels}")
    with pytest.raises(UsageError, match="cannot read YAML"):
        manifests.read([str(file)])


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "picture.yaml"
    file.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        manifests.read([str(file)])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml: No such file"):
        manifests.read([str(tmp_path / "gone.yaml")])


class _Site(BaseHTTPRequestHandler):
    """Has one manifest, and one file that is none."""

    def do_GET(self) -> None:
        """Answer."""
        pages = {"/one.yaml": ONE.encode(), "/bytes": b"\xff\xfe\x00"}
        self.send_response(200 if self.path in pages else 404)
        self.end_headers()
        self.wfile.write(pages.get(self.path, b""))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a web server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_manifests_are_read_from_addresses(site: str) -> None:
    assert titles(f"{site}/one.yaml") == ["configmap/one"]
    for path in ("absent", "bytes"):
        with pytest.raises(UsageError, match=f"cannot read {site}/{path}"):
            titles(f"{site}/{path}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://", "http://a b/", "https://[/"])
def test_an_address_where_nothing_is_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        titles(url)
