"""Accept header → form of the answer."""

from __future__ import annotations

import pytest

from choreo_local.embedded.kubeapi.negotiation import Form, negotiate
from choreo_local.errors import NotAcceptableError

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Form()),
        ("*/*", Form()),
        ("application/vnd.kubernetes.protobuf,application/json", Form()),
        ("application/yaml", Form("application/yaml")),
        ("text/html;q=1, application/json;q=0.5", Form()),
        (TABLE, Form(transform="Table")),
        (TABLE.replace("v1;", "v1beta1;"), Form(transform="Table", version="v1beta1")),
        (f"{TABLE},application/json", Form(transform="Table")),
        ("application/json;as=Nope;v=v1;g=meta.k8s.io,application/json", Form()),
    ],
)
def test_the_best_form_is_taken(accept: str, expected: Form) -> None:
    assert negotiate(accept) == expected


def test_what_cannot_be_served_is_refused_in_two_ways() -> None:
    with pytest.raises(NotAcceptableError, match="406: Not Acceptable"):
        negotiate("text/html")
    with pytest.raises(NotAcceptableError, match="only the following media types"):
        negotiate(TABLE.replace("v=v1", "v=v2"))
