"""Services of proto sources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.rendering import protosource

SOURCE = """
// A greeter.
syntax = "proto3";
package greet.v1;
import "google/protobuf/empty.proto";
option go_package = "x;y";

message Request {
  string name = 1 [json_name = "n"];
  message Inner { int32 a = 1; }
  oneof choice { string b = 2; Inner c = 3; }
  map<string, Inner> all = 4;
  reserved 5 to 7;
}
enum Kind { NONE = 0; }

service Greeter {
  option deprecated = true;
  rpc Hello(Request) returns (stream Request.Inner) { option (x) = { a: "{" }; }
  rpc Bye(stream .greet.v1.Request) returns (google.protobuf.Empty);
}
service Other {}
"""


def test_methods_are_found_with_their_qualified_service() -> None:
    assert protosource.methods(SOURCE) == [
        ("greet.v1.Greeter", "Hello"),
        ("greet.v1.Greeter", "Bye"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "service S {",
        "service S { rpc A(M) returns (M); }",
        'import "other.proto"; message M {} service S { rpc A(M) returns (M); }',
        "message M {} service S { rpc A(M) gives (M); }",
        'message M {} "unclosed',
        "message M { message M { " * 100,
    ],
)
def test_source_that_would_not_compile_has_no_methods(source: str) -> None:
    assert protosource.methods(source) == []


@given(st.text(alphabet='{}();"/*\n servicerpcmessagereturns.M', max_size=200))
def test_any_text_is_read_or_refused(source: str) -> None:
    assert isinstance(protosource.methods(source), list)
