"""What stands behind the receivers of component templates."""

from __future__ import annotations

from typing import Any

from choreo_local.rendering import derived, hashing, names

NOTHING: dict[str, Any] = {"envVars": [], "volumeMounts": [], "volumes": []}


def built(configs: Any = None, secrets: Any = None, endpoints: Any = None) -> dict[str, Any]:
    empty: dict[str, Any] = {"envs": [], "files": []}
    return derived.build(
        component="web",
        environment="dev",
        configurations={"configs": empty | (configs or {}), "secrets": empty | (secrets or {})},
        workload={"endpoints": endpoints or {}},
        dependencies=NOTHING,
        endpoint_resources={},
    )


def endpoint(port: int, kind: str = "HTTP", target: int = 0) -> dict[str, Any]:
    return {"type": kind, "port": port, "targetPort": target or port}


def test_component_without_configuration_has_empty_lists() -> None:
    assert all(value in ([], {}) for value in built().values())


def test_environment_is_taken_from_one_config_map_and_one_secret() -> None:
    remote = {"key": "k", "property": "p"}
    found = built(
        {"envs": [{"name": "A", "value": "1"}]},
        {"envs": [{"name": "S", "value": "", "remoteRef": remote}]},
    )
    version = hashing.fnv_hex("S\0k\0p\0\0")

    config = names.generate("web-dev", "env-configs")
    secret = names.generate("web-dev", "env-secrets", extra=version)
    assert found["containerEnvFrom"] == [
        {"configMapRef": {"name": config}},
        {"secretRef": {"name": secret}},
    ]
    assert found["configEnvs"][0]["resourceName"] == config
    assert found["secretEnvs"][0]["envs"][0]["name"] == "S"


def test_another_version_of_a_secret_gets_another_name() -> None:
    def name(version: str) -> str:
        remote = {"key": "k", "version": version}
        found = built(secrets={"envs": [{"name": "S", "value": "", "remoteRef": remote}]})
        return str(found["secretEnvs"][0]["resourceName"])

    assert name("1") != name("2")


def test_secret_wins_where_two_files_want_the_same_place() -> None:
    file = {"name": "app.conf", "mountPath": "/etc", "value": "x"}
    found = built({"files": [file]}, {"files": [{**file, "remoteRef": {"key": "k"}}]})
    volume = f"file-mount-{hashing.fnv_hex('/etc/app.conf')}"

    secret_file = found["secretFileList"][0]
    assert "value" not in secret_file
    assert found["configVolumes"] == [
        {"name": volume, "secret": {"secretName": secret_file["resourceName"]}}
    ]
    mount = {"name": volume, "mountPath": "/etc/app.conf", "subPath": "app.conf"}
    assert found["configVolumeMounts"] == [mount, mount]


def test_service_ports_are_one_for_each_port_and_protocol() -> None:
    ports = derived.service_ports(
        {
            "b_api": endpoint(80, target=8080),
            "A_api": endpoint(80),
            "dns": endpoint(53, "UDP"),
            "dns-tcp": endpoint(53, "TCP"),
        }
    )

    assert [(p["name"], p["port"], p["targetPort"], p["protocol"]) for p in ports] == [
        ("a-api", 80, 80, "TCP"),
        ("dns", 53, 53, "UDP"),
        ("dns-tcp", 53, 53, "TCP"),
    ]


def test_port_names_are_short_and_unique() -> None:
    ports = derived.service_ports(
        {
            "a-very-long-endpoint-1": endpoint(1),
            "a-very-long-endpoint-2": endpoint(2),
            "___": endpoint(3),
        }
    )

    assert [port["name"] for port in ports] == ["port-3", "a-very-long-end", "a-very-long-e-2"]
