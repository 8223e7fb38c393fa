"""TLS, HTTP/2 and gRPC at a live Envoy, and the controller between policies and their Secrets."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from choreo_local import pki
from choreo_local.embedded.network import kinds, routes
from tests.embedded.network.gatewayobjects import (
    backend,
    endpoint_slice,
    gateway,
    gateway_class,
    listener,
    metadata,
    prefix,
    route,
    rule,
    service,
    world,
)
from tests.embedded.network.livegateway import LiveGateway, live_gateway
from tests.embedded.network.policyobjects import KEYS, basic, extension, secret, sha, token, traffic
from tests.embedded.network.test_datapaths import HOST, Upstream
from tests.embedded.network.test_gateway import CRDS, DEFINITIONS, READY, World, running

AUTHORITY = pki.create_authority("test authority")
SECURE = "secure.example.localhost"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGateway]:
    async with live_gateway(tmp_path) as made:
        yield made


def key_pair(name: str, *hosts: str) -> dict[str, Any]:
    made = pki.issue_server(AUTHORITY, hosts[0], hosts)
    data = {"tls.crt": made.certificate, "tls.key": made.key}
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"type": "kubernetes.io/tls", "metadata": metadata(name, "infra"), "data": encoded}


def https(name: str = "https", **more: Any) -> dict[str, Any]:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": name}]}
    return listener(name, **{"protocol": "HTTPS", "tls": tls, **more})


def trusting(*protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
    context.set_alpn_protocols(list(protocols or ("http/1.1",)))
    return context


async def handshake(port: int, host: str) -> tuple[str | None, list[str]]:
    """The protocol that was agreed on, and the names in the certificate."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusting("h2", "http/1.1"), server_hostname=host
    )
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = found.getpeercert() or {}
    names = [str(each[1]) for each in certificate.get("subjectAltName", ())]
    agreed = found.selected_alpn_protocol()
    writer.close()
    return agreed, names


async def test_https_listeners_show_their_certificates_and_serve_their_routes(
    live: LiveGateway,
) -> None:
    wide, one = "*.example.localhost", SECURE
    listeners = [https("wide", hostname=wide), https("one", hostname=one)]
    pairs = [key_pair("wide", wide), key_pair("one", one)]
    secrets = {("infra", each["metadata"]["name"]): each for each in pairs}
    made = routes.build(
        world(route(), gateways=[gateway(*listeners)], secrets=secrets, services=[service()])
    )
    await live.serve(made.table)

    assert live.path.failure(19080) == ""
    assert await handshake(live.client.port, one) == ("h2", [one])
    assert await handshake(live.client.port, "a.example.localhost") == ("h2", [wide])
    with pytest.raises(OSError, match=r"."):
        await handshake(live.client.port, "elsewhere.test")
    url = f"https://127.0.0.1:{live.client.port}/x"
    async with live.client.session.get(
        url, headers={"Host": one}, ssl=trusting(), server_hostname=one
    ) as response:
        assert (response.status, (await response.json())["upstream"]) == (200, "one")


async def test_policy_guards_https_too(live: LiveGateway) -> None:
    secrets = {("infra", "https"): key_pair("https", SECURE)}
    made = routes.build(
        world(
            route(),
            gateways=[gateway(https(hostname=SECURE))],
            secrets=secrets,
            policies=[traffic(jwtAuth={"extensionRef": {"name": "tokens"}})],
            extensions={("apps", "tokens"): extension()},
        )
    )
    await live.serve(made.table)

    async def status(headers: dict[str, str]) -> int:
        url = f"https://127.0.0.1:{live.client.port}/"
        async with live.client.session.get(
            url, headers={"Host": SECURE, **headers}, ssl=trusting(), server_hostname=SECURE
        ) as response:
            return response.status

    assert await status({}) == 401
    assert await status(token()) == 200


async def test_listener_without_a_usable_certificate_says_so() -> None:
    garbled = {
        "metadata": metadata("https", "infra"),
        "data": {"tls.crt": "eA==", "tls.key": "eA=="},
    }
    far = https(tls={"certificateRefs": [{"name": "https", "namespace": "apps"}]})
    for spec, secrets, reason in (
        (https(), {}, "InvalidCertificateRef"),
        (https(), {("infra", "https"): garbled}, "InvalidCertificateRef"),
        (far, {}, "RefNotPermitted"),
    ):
        built = routes.build(world(route(), gateways=[gateway(spec)], secrets=secrets))
        (found,) = built.gateways[0][1]
        assert found.unresolved is not None
        assert found.unresolved.reason == reason
        assert built.table.ports == ()


async def test_tls_goes_through_unopened_to_the_backend_of_its_name(
    live: LiveGateway, tmp_path: Path
) -> None:
    host = "through.example.localhost"
    inner = pki.issue_server(AUTHORITY, host, [host])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with_key = tmp_path / "inner.pem"
    with_key.write_bytes(inner.certificate + inner.key)
    context.load_cert_chain(with_key)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"inside\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    through = listener(protocol="TLS", tls={"mode": "Passthrough"}, hostname="*.example.localhost")
    obj = route(rule(), kind="TLSRoute", hostnames=(host,))
    made = routes.build(world(obj, gateways=[gateway(through)]))
    await live.serve(made.table, greeter=server.sockets[0].getsockname()[1])

    reader, writer = await asyncio.open_connection(
        "127.0.0.1", live.client.port, ssl=trusting(), server_hostname=host
    )
    assert await reader.readline() == b"inside\n"
    writer.close()
    with pytest.raises(OSError, match=r"."):
        await handshake(live.client.port, "other.example.localhost")
    server.close()


async def curl(*arguments: str) -> str:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("no curl on this machine")
    run = await asyncio.create_subprocess_exec(
        program, "--silent", "--max-time", "60", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await run.communicate()
    return output.decode()


GRPC: list[tuple[dict[str, Any], str, int]] = [
    ({"service": "shop.Orders", "method": "Place"}, "/shop.Orders/Place", 200),
    ({"service": "shop.Orders", "method": "Place"}, "/shop.Orders/Cancel", 404),
    ({"service": "shop.Orders"}, "/shop.Orders/Cancel", 200),
    ({"service": "shop.Orders"}, "/shop.OrdersX/Cancel", 404),
    ({"method": "Place"}, "/any.Service/Place", 200),
    (
        {"type": "RegularExpression", "service": "shop\\..*", "method": "P.*"},
        "/shop.Any/Place",
        200,
    ),
]


async def test_grpc_methods_are_matched_and_spoken_over_http2(live: LiveGateway) -> None:
    """The backend that must speak HTTP/2 is the second port of the same Envoy."""
    if "HTTP2" not in await curl("--version"):
        pytest.skip("curl without HTTP/2")
    inner = route(
        rule(backendRefs=[backend("other")]), name="inner", parent={"sectionName": "inner"}
    )
    both = gateway(listener(), listener("inner", 19081))
    for match, path, status in GRPC:
        outer = route(
            rule({"method": match}),
            kind="GRPCRoute",
            hostnames=(HOST,),
            parent={"sectionName": "http"},
        )
        services = [service(), service("other")]
        made = routes.build(world(outer, inner, gateways=[both], services=services))
        await live.serve(made.table, greeter=live.second)
        url = f"http://127.0.0.1:{live.client.port}{path}"
        found = await curl(
            "--http2-prior-knowledge", "-X", "POST", "-H", f"Host: {HOST}", "-o", "/dev/null",
            "-w", "%{http_code} %{http_version}", url,
        )  # fmt: skip
        assert found == f"{status} 2", (match, path)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as made:
        await made.install()
        for name in ("trafficpolicies", "gatewayextensions"):
            text = (CRDS / f"gateway.kgateway.dev_{name}.yaml").read_text()
            await made.kube.create(DEFINITIONS, yaml.safe_load(text))
        for name in ("infra", "apps"):
            await made.kube.create(kinds.NAMESPACES, {"metadata": {"name": name}})
        for obj in (gateway_class(), gateway(), service()):
            await made.create(obj)
        yield made


async def test_controller_follows_policies_their_extensions_and_their_secrets(
    cluster: World,
) -> None:
    upstream = Upstream("one")
    await upstream.start()
    await cluster.create(endpoint_slice(("127.0.0.1", READY), port=upstream.port))
    await cluster.create(route(rule(prefix("/")), hostnames=(HOST,)))

    async def asked(status: int, headers: dict[str, str] | None = None) -> None:
        async def is_so() -> bool:
            try:
                found, _, _ = await cluster.client.get("/", headers=headers or {})
            except aiohttp.ClientError:
                return False
            return found == status

        await cluster.until(is_so)

    async def told(reason: str) -> None:
        async def is_so() -> bool:
            found = await cluster.kube.get(kinds.TRAFFIC_POLICIES, "policy", "apps")
            ancestors = (found.get("status") or {}).get("ancestors") or ()
            return [each["conditions"][0]["reason"] for each in ancestors] == [reason]

        await cluster.until(is_so)

    await asked(200)
    await cluster.create(traffic(basicAuth={"secretRef": {"name": "users"}}))
    await asked(500)
    await told("Invalid")
    await cluster.create(secret("users", **{".htpasswd": sha("ann", "a")}))
    await asked(401)
    await asked(200, basic("ann", "a"))
    await told("Valid")
    changed = secret("users", **{".htpasswd": sha("ann", "b")})["data"]
    await cluster.kube.patch(kinds.SECRETS, "users", {"data": changed}, "apps")
    await asked(200, basic("ann", "b"))

    tokens = {"spec": {"basicAuth": None, "jwtAuth": {"extensionRef": {"name": "tokens"}}}}
    await cluster.kube.patch(kinds.TRAFFIC_POLICIES, "policy", tokens, "apps")
    await asked(500)
    await cluster.create(extension(jwks={"local": {"configMapRef": {"name": "keys"}}}))
    await cluster.kube.create(
        kinds.CONFIG_MAPS,
        {"metadata": {"name": "keys", "namespace": "apps"}, "data": {"jwks": KEYS}},
    )
    await asked(200, token())
    await asked(401)
    await cluster.kube.delete(kinds.TRAFFIC_POLICIES, "policy", "apps")
    await asked(200)
    await upstream.stop()
