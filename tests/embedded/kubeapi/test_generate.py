"""The generated tables and the generator."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from choreo_local.embedded.kubeapi.generate import __main__ as generator
from choreo_local.embedded.kubeapi.generate import gotypes

MODULES = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator", "metrics")
META = """
package v1

type TypeMeta struct {
	Kind string `json:"kind,omitempty" protobuf:"bytes,1,opt,name=kind"`
}

type ObjectMeta struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
}
"""
TYPES = """
package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Widget is something.
// +genclient
type Widget struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	// Size of it.
	// +default="small"
	Size *string `json:"size,omitempty" protobuf:"bytes,2,opt,name=size"`
	Mode Mode `json:"mode" protobuf:"bytes,3,opt,name=mode,casttype=Mode"`
	Parts []Part `json:"parts,omitempty" protobuf:"bytes,4,rep,name=parts"`
}

// +enum
type Mode string

const (
	Fast Mode = "Fast"
)

type Part struct {
	Count int32 `json:"count" protobuf:"varint,1,opt,name=count"`
}
"""


def test_the_tables_are_what_their_sources_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert generator.main(["--check"]) == 0
    said = capsys.readouterr().err
    assert "types.jsonl.gz: not checked, needs --go" in said
    assert "differs" not in said


def test_a_table_that_differs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "TARGET", tmp_path)
    assert generator.main(["--check"]) == 1
    assert "definitions.jsonl.gz: differs from its source" in capsys.readouterr().err


def test_tables_are_written_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "TARGET", tmp_path)
    assert generator.main([]) == 0
    data = gzip.decompress((tmp_path / "definitions.jsonl.gz").read_bytes())
    names = [line.split(b"\t")[0] for line in data.splitlines()]
    assert b"io.k8s.api.core.v1.Pod" in names
    assert len(names) == len(set(names))
    entry = next(line for line in data.splitlines() if line.startswith(b"io.k8s.api.core.v1.Pod\t"))
    assert json.loads(entry.split(b"\t", 1)[1])["type"] == "object"
    assert generator.main(["--check"]) == 0


def test_the_tables_are_small() -> None:
    folder = Path(generator.TARGET)
    sizes = {file.name: file.stat().st_size for file in folder.glob("*.gz")}
    assert sum(sizes.values()) < 80_000, sizes


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A Go module cache with one kind."""
    for module in MODULES:
        (tmp_path / f"k8s.io/{module}@v0.36.1").mkdir(parents=True)
    for path, text in (
        ("k8s.io/api@v0.36.1/apps/v1/types.go", TYPES),
        ("k8s.io/apimachinery@v0.36.1/pkg/apis/meta/v1/types.go", META),
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
    return tmp_path


def test_go_types_say_what_openapi_does_not(cache: Path) -> None:
    types = gotypes.read(cache)
    meta = "io.k8s.apimachinery.pkg.apis.meta.v1"
    assert types["io.k8s.api.apps.v1.Widget"] == [
        ["", f"{meta}.TypeMeta", "i", 0],
        ["metadata", f"{meta}.ObjectMeta", "o", 1],
        ["size", "*string", "o", 2, "small"],
        ["mode", "io.k8s.api.apps.v1.Mode", "", 3],
        ["parts", "[]io.k8s.api.apps.v1.Part", "o", 4],
    ]
    assert types["io.k8s.api.apps.v1.Part"] == [["count", "int32", "", 1]]
    assert types["io.k8s.api.apps.v1.Mode"] == {"type": "string", "enum": ["Fast"]}


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"k8s\.io/api v0\.36; get it with `go mod download`"
    ):
        gotypes.read(tmp_path)
