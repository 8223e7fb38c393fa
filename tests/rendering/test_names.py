"""Generated names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.rendering import names
from choreo_local.rendering.errors import RenderError


def test_name_shows_its_parts_and_a_hash_of_them() -> None:
    assert names.generate("project", "component") == "project-component-932d1646"
    assert names.generate("Hello World!") == "hello-world-7f83b165"
    assert names.generate("my-app", "v1.2.3") == "my-app-v1.2.3-4f878dd8"
    assert names.generate("", "") == "3973e022"


def test_names_of_the_platform_follow_their_formulas() -> None:
    assert names.cell_namespace("default", "my-project", "development") == (
        "dp-default-my-project-development-fd447088"
    )
    assert names.resource_base("db", "dev").startswith("r-db-dev-")
    assert names.project_release("default", "production") == "p-default-production-bc397918"
    assert names.rendered_release("web", "dev") == "web-dev"
    assert names.observability_release("web", "dev") == "web-dev-observability"
    assert names.workflow_namespace("default") == "workflows-default"
    assert names.service_account_role("sa") == ("sa-role", "sa-role-binding")


def test_policy_name_is_readable_until_it_is_too_long() -> None:
    assert names.network_policy("web") == "openchoreo-web"
    assert len(names.network_policy("w" * 253)) <= 253


def test_manifest_id_fits_into_a_label() -> None:
    assert names.manifest_id("Deployment", "web", 0) == "deployment-web"
    assert names.manifest_id("", "web", 3) == "resource-3"
    assert len(names.manifest_id("Deployment", "w" * 60, 0)) <= 63


def test_no_parts_at_all_are_an_error() -> None:
    with pytest.raises(RenderError, match="divide by zero"):
        names.generate()


@given(st.lists(st.text(max_size=80), min_size=1, max_size=6), st.integers(30, 253))
def test_name_never_exceeds_its_limit_and_begins_and_ends_readably(
    parts: list[str], limit: int
) -> None:
    name = names.encoded(parts, limit=limit)

    assert len(name) <= limit
    assert name[-8:].isalnum()
    assert name == names.encoded(parts, limit=limit)
