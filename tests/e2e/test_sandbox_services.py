"""Services as pods in sandboxes, and people at this machine, reach them."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any

import pytest

from tests.e2e.sandboxes import Cluster, idle, pod, python, service
from tests.e2e.user import ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# Tells its name over HTTP and over UDP, each on a port that no Service has.
ECHO = """
import http.server, socket, threading

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{socket.gethostname()} {self.client_address[0]}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

def datagrams():
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("0.0.0.0", 9053))
    while True:
        data, peer = taken.recvfrom(2000)
        taken.sendto(socket.gethostname().encode() + b" " + data, peer)

threading.Thread(target=datagrams, daemon=True).start()
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Answer).serve_forever()
"""
# Asks URLs, addresses of UDP; prints who answered, or why nobody did.
ASKER = """
import json, socket, sys, urllib.request

def asked(place):
    kind, _, rest = place.partition("://")
    try:
        if kind == "http":
            return urllib.request.urlopen(place, timeout=20).read().decode().split()[0]
        host, port = rest.split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
            given.settimeout(20)
            given.connect((host, int(port)))
            given.send(b"?")
            return given.recv(2000).decode().split()[0]
    except OSError as error:
        return "refused" if "refused" in str(error) else f"{type(error).__name__}: {error}"

print(json.dumps([asked(place) for place in json.loads(sys.argv[1])]))
"""
APP = {"app": "echo"}
LATE = {"app": "late"}
DATAGRAMS = {"name": "dns", "port": 80, "targetPort": "datagrams", "protocol": "UDP"}
WEB = {"name": "web", "port": 80, "targetPort": "http"}
# Of lower ones this machine lets only root listen.
HIGH = 8000
HIGH_WEB = {**WEB, "name": "high", "port": HIGH}
HIGH_DATAGRAMS = {**DATAGRAMS, "name": "high-dns", "port": HIGH}
OUTSIDE = "203.0.113.80"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


def echo(name: str, labels: dict[str, str], **fields: Any) -> dict[str, Any]:
    ports = [
        {"name": "http", "containerPort": 8080},
        {"name": "datagrams", "containerPort": 9053, "protocol": "UDP"},
    ]
    # The probe keeps a pod from being called ready before it listens.
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    return pod(
        name, python(ECHO, ports=ports, **{"readinessProbe": probe, **fields}), labels=labels
    )


@pytest.fixture(scope="module", autouse=True)
def served(cluster: Cluster) -> None:
    """Two echoes, one that is not ready, a client, and Services of all kinds."""
    gate = {"exec": {"command": ["test", "-f", "/tmp/ready"]}, "periodSeconds": 1}
    cluster.apply(
        echo("one", APP),
        echo("two", APP),
        echo("late", LATE, readinessProbe=gate),
        pod("client", idle()),
        service("plain", APP, WEB, HIGH_WEB),
        service("mixed", APP, WEB, DATAGRAMS, HIGH_DATAGRAMS, HIGH_WEB),
        service("headless", APP, clusterIP="None"),
        service("sticky", APP, WEB, HIGH_WEB, sessionAffinity="ClientIP"),
        service("node", APP, WEB, DATAGRAMS, type="NodePort"),
        service("balanced", APP, WEB, HIGH_WEB, type="LoadBalancer"),
        service("others", APP, type="LoadBalancer", loadBalancerClass="example.com/own"),
        service("outside", APP, externalIPs=[OUTSIDE]),
        service("local", APP, internalTrafficPolicy="Local"),
        service("itself", {"app": "solo"}),
        service("gated", LATE),
        service("early", LATE, publishNotReadyAddresses=True),
        service("own", None, {"name": "web", "port": 80, "targetPort": 8080}),
        service("alias", None, type="ExternalName", externalName="plain.default.svc.cluster.local"),
    )
    cluster.until_ready("one", "two", "client")
    both = {"plain", "mixed", "sticky", "node", "balanced", "outside", "local", "headless"}
    until(
        lambda: {name for name, found in served_by(cluster).items() if len(found) == 2} >= both,
        what="the Services have their endpoints",
    )


def served_by(cluster: Cluster) -> dict[str, set[str]]:
    """The addresses of the ready endpoints of each Service."""
    found: dict[str, set[str]] = {}
    for each in cluster.asks(SLICES)["items"]:
        ready = [one for one in each["endpoints"] or () if one["conditions"].get("ready", True)]
        name = (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
        known = found.setdefault(name, set())
        known |= {address for one in ready for address in one["addresses"]}
    return found


def asked(cluster: Cluster, *places: str, pod: str = "client") -> list[str]:
    """Who answered a pod at each place."""
    found: list[str] = json.loads(
        cluster.runs(pod, "python3", "-c", ASKER, json.dumps(list(places)))
    )
    return found


def asked_here(address: str, times: int, *, port: int = HIGH) -> set[str]:
    """Who answers this machine."""
    url = f"http://{address}:{port}/"
    return {ask(url, at=address).body.split()[0] for _ in range(times)}


def spec(cluster: Cluster, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("services", name)["spec"]
    return found


def test_a_cluster_address_leads_to_all_ready_pods(cluster: Cluster) -> None:
    address = spec(cluster, "plain")["clusterIP"]
    places = [f"http://{address}", "http://plain", "http://local", "http://alias"] * 8
    answers = asked(cluster, *places)
    assert set(answers) == {"one", "two"}
    assert asked_here(address, 4) == {"one", "two"}
    assert asked(cluster, f"http://{address}:81") == ["refused"]


def test_protocols_of_one_port_number_are_told_apart(cluster: Cluster) -> None:
    address = spec(cluster, "mixed")["clusterIP"]
    answers = asked(cluster, *(["http://mixed", f"udp://{address}:80"] * 10))
    assert set(answers) == {"one", "two"}
    assert set(answers[1::2]) == {"one", "two"}
    assert datagram(address, HIGH) in {"one", "two"}


def test_names_of_a_headless_service_are_its_pods(cluster: Cluster) -> None:
    program = """
    import json, socket
    found = socket.getaddrinfo("headless", 8080, socket.AF_INET, socket.SOCK_STREAM)
    print(json.dumps(sorted({each[4][0] for each in found})))
    """
    expected = {cluster.status(name)["podIP"] for name in ("one", "two")}
    assert set(cluster.python("client", program)) == expected


def test_a_client_with_affinity_comes_back_to_its_pod(cluster: Cluster) -> None:
    answers = asked(cluster, *["http://sticky"] * 12)
    assert len(set(answers)) == 1
    address = spec(cluster, "sticky")["clusterIP"]
    assert len(asked_here(address, 6)) == 1


def test_node_ports_are_on_this_machine_and_for_pods(cluster: Cluster) -> None:
    ports = {each["name"]: each["nodePort"] for each in spec(cluster, "node")["ports"]}
    node = cluster.status("client")["hostIP"]
    assert asked_here("127.0.0.1", 4, port=ports["web"]) == {"one", "two"}
    assert datagram("127.0.0.1", ports["dns"]) in {"one", "two"}
    answers = asked(cluster, f"http://{node}:{ports['web']}", f"udp://{node}:{ports['dns']}")
    assert set(answers) <= {"one", "two"}
    assert ask(f"http://{node}:{ports['web']}/", at=node).status == 200


def test_a_balancer_has_an_address_of_its_own(cluster: Cluster) -> None:
    def told() -> list[dict[str, str]]:
        found: list[dict[str, str]] = cluster.get("services", "balanced")["status"][
            "loadBalancer"
        ].get("ingress", [])
        return found

    until(lambda: bool(told()), what="the balancer has an address")
    (given,) = told()
    address = given["ip"]
    assert given["ipMode"] == "VIP"
    assert ipaddress.ip_address(address).is_loopback
    assert address not in {spec(cluster, "balanced")["clusterIP"], "127.0.0.1"}
    until(lambda: ask(f"http://{address}:{HIGH}/", at=address).status == 200, what="it answers")
    assert set(asked(cluster, *[f"http://{address}"] * 12)) == {"one", "two"}
    assert cluster.get("services", "others")["status"]["loadBalancer"] == {}
    assert any("EnsuredLoadBalancer" in each for each in cluster.events("balanced"))
    if cluster.user.becoming:
        complaint = "AddressNotServed: This machine does not listen on"
        until(
            lambda: any(complaint in each for each in cluster.events("balanced")),
            what="it is said which port is not served",
        )
    change = json.dumps({"spec": {"type": "ClusterIP"}})
    cluster.kubectl("patch", "service", "balanced", "-p", change)
    until(lambda: not told(), what="the address is taken back")


def test_an_external_address_is_for_pods(cluster: Cluster) -> None:
    assert set(asked(cluster, *[f"http://{OUTSIDE}"] * 12)) == {"one", "two"}


def test_readiness_gates_traffic(cluster: Cluster) -> None:
    assert asked(cluster, "http://gated", "http://early") == ["refused", "late"]
    cluster.runs("late", "touch", "/tmp/ready")
    cluster.until_ready("late")
    until(lambda: asked(cluster, "http://gated") == ["late"], what="it is let in", within=60)
    cluster.runs("late", "rm", "/tmp/ready")
    until(lambda: asked(cluster, "http://gated") == ["refused"], what="it is shut out", within=60)
    assert asked(cluster, "http://early") == ["late"]


def test_endpoints_of_ones_own_are_served(cluster: Cluster) -> None:
    assert asked(cluster, "http://own") == ["refused"]
    cluster.apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "own-1", "labels": {"kubernetes.io/service-name": "own"}},
            "addressType": "IPv4",
            "ports": [{"name": "web", "port": 8080}],
            "endpoints": [{"addresses": [cluster.status("two")["podIP"]]}],
        }
    )
    until(lambda: asked(cluster, "http://own") == ["two"], what="it is served", within=60)


def test_a_pod_reaches_itself_by_its_service(cluster: Cluster) -> None:
    cluster.kubectl("label", "pod", "one", "app=solo", "--overwrite")
    try:
        until(
            lambda: len(served_by(cluster).get("itself", ())) == 1, what="the service has its pod"
        )
        until(lambda: asked(cluster, "http://itself") == ["one"], what="others are answered")
        assert asked(cluster, "http://itself", pod="one") == ["one"]
    finally:
        cluster.kubectl("label", "pod", "one", "app=echo", "--overwrite")


def test_the_kube_api_is_a_service_that_pods_can_trust(cluster: Cluster) -> None:
    program = """
    import json, os, ssl, urllib.request
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    token = open(f"{place}/token").read()
    trusted = ssl.create_default_context(cafile=f"{place}/ca.crt")
    hosts = ["kubernetes.default.svc", "kubernetes", "kubernetes.default.svc.cluster.local"]
    hosts.append(os.environ["KUBERNETES_SERVICE_HOST"])
    found = []
    for host in hosts:
        place = f"https://{host}:{os.environ['KUBERNETES_SERVICE_PORT']}/apis"
        asked = urllib.request.Request(place, headers={"Authorization": f"Bearer {token}"})
        found.append(urllib.request.urlopen(asked, context=trusted, timeout=20).status)
    print(json.dumps(found))
    """
    assert cluster.python("client", program) == [200, 200, 200, 200]


def test_a_datagram_client_is_not_tied_to_a_pod_that_has_gone(cluster: Cluster) -> None:
    """Datagrams from one port are one flow to the kernel, whoever receives them."""
    selector = {"app": "moving"}
    cluster.apply(echo("first", selector), service("moving", selector, DATAGRAMS))
    cluster.until_ready("first")
    program = """
    import socket, sys, time
    given = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    given.settimeout(0.2)
    address = socket.gethostbyname("moving")
    while True:
        try:
            given.sendto(b"?", (address, 80))
            print(given.recv(2000).decode().split()[0])
        except OSError:
            pass
        time.sleep(0.1)
    """
    cluster.apply(pod("talker", python(program)))
    until(lambda: "first" in cluster.log("talker"), what="it is answered", within=60)
    cluster.apply(echo("second", selector))
    cluster.until_ready("second")
    cluster.kubectl("delete", "pod", "first")
    until(lambda: "second" in cluster.log("talker"), what="others answer", within=60)


def datagram(address: str, port: int) -> str:
    """Who answers a datagram of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
        given.settimeout(20)
        given.sendto(b"?", (address, port))
        return given.recv(2000).decode().split()[0]
