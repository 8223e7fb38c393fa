"""Lists whose beginning is long ago."""

from __future__ import annotations

from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map


async def test_a_list_goes_on_as_things_are_when_its_beginning_is_forgotten() -> None:
    api = await Api.start()
    for name in ("a", "b", "c"):
        await api.must("POST", CONFIG_MAPS, config_map(name))
    page = await api.must("GET", f"{CONFIG_MAPS}?limit=1")
    await api.must("DELETE", f"{CONFIG_MAPS}/b")
    log = api.kube.core.store.log("configmaps")
    log.horizon = api.kube.core.store.revision

    token = page["metadata"]["continue"]
    status, expired = await api.call("GET", f"{CONFIG_MAPS}?limit=1&continue={token}")
    rest = await api.must(
        "GET", f"{CONFIG_MAPS}?limit=1&continue={expired['metadata']['continue']}"
    )

    assert (status, expired["reason"]) == (410, "Expired")
    assert expired["message"].startswith("The provided continue parameter is too old")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert rest["metadata"]["resourceVersion"] == str(api.kube.core.store.revision)
