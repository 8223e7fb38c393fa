"""kubectl and what runs: roll-outs, scaling, exposing, jobs."""

from __future__ import annotations

import pytest

from tests.clients.kubectl import Kubectl
from tests.e2e.user import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: choreo.local/web:1.0
          ports: [{containerPort: 8080}]
"""


def test_a_deployment_rolls_out_scales_and_goes_back(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", text=WEB)
    shown = kubectl("rollout", "status", "deploy/web", "--timeout=120s")
    assert shown.endswith('deployment "web" successfully rolled out')
    assert kubectl("get", "deploy", "web", "--no-headers").split()[:4] == ["web", "1/1", "1", "1"]

    kubectl("set", "env", "deploy/web", "TITLE=Two")
    kubectl("annotate", "deploy/web", "kubernetes.io/change-cause=second")
    kubectl("rollout", "status", "deploy/web", "--timeout=120s")
    kubectl("set", "image", "deploy/web", "web=choreo.local/web:2.0")
    kubectl("rollout", "status", "deploy/web", "--timeout=120s", "--watch=true")
    history = kubectl("rollout", "history", "deploy/web").splitlines()
    assert [line.split()[0] for line in history[2:]] == ["1", "2", "3"]
    assert "TITLE" in kubectl("rollout", "history", "deploy/web", "--revision=2")

    kubectl("rollout", "undo", "deploy/web", "--to-revision=1")
    kubectl("rollout", "status", "deploy/web", "--timeout=120s")
    template = ".spec.template.spec.containers[0]"
    assert kubectl.at("deploy", "web", f"{template}.image") == "choreo.local/web:1.0"
    assert kubectl.at("deploy", "web", f"{template}.env") == ""
    kubectl("rollout", "undo", "deploy/web")
    assert kubectl.at("deploy", "web", f"{template}.image") == "choreo.local/web:2.0"

    kubectl("rollout", "pause", "deploy/web")
    kubectl("set", "resources", "deploy/web", "--requests=cpu=10m,memory=8Mi")
    assert kubectl("rollout", "history", "deploy/web", "-o", "name")
    kubectl("rollout", "resume", "deploy/web")
    kubectl("rollout", "restart", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=120s")

    kubectl("scale", "deploy/web", "--replicas=2", "--current-replicas=1", "--timeout=60s")
    kubectl("wait", "deploy/web", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=120s")
    assert "Expected replicas to be 5" in kubectl.refuses(
        "scale", "deploy/web", "--replicas=1", "--current-replicas=5"
    )
    described = kubectl("describe", "deploy", "web")
    assert "Progressing    True    NewReplicaSetAvailable" in described
    assert "ScalingReplicaSet" in described


def test_a_stateful_and_a_daemon_set_roll_out_and_go_back(kubectl: Kubectl) -> None:
    for kind in ("StatefulSet", "DaemonSet"):
        text = WEB.replace("Deployment", kind)
        if kind == "DaemonSet":
            text = text.replace("  replicas: 1\n", "")
        kubectl("apply", "-f", "-", text=text)
        name = f"{kind.lower()}/web"
        kubectl("rollout", "status", name, "--timeout=120s")
        kubectl("set", "image", name, "web=choreo.local/web:2.0")
        kubectl("rollout", "status", name, "--timeout=120s")
        history = kubectl("rollout", "history", name).splitlines()
        assert [line.split()[0] for line in history[2:]] == ["1", "2"]
        kubectl("rollout", "undo", name)
        kubectl("rollout", "status", name, "--timeout=120s")
        assert kubectl("get", name, "-o", "jsonpath={..image}") == "choreo.local/web:1.0"
        kubectl("delete", name)


def test_what_runs_is_exposed_and_scaled_by_its_load(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=choreo.local/web:1.0", "--port=8080")
    kubectl("expose", "deploy/web", "--port=80", "--target-port=8080", "--name=shop")
    assert kubectl.at("svc", "shop", ".spec.selector.app") == "web"
    kubectl("rollout", "status", "deploy/web", "--timeout=120s")
    until(
        lambda: bool(kubectl("get", "endpointslices", "-o", "jsonpath={..addresses[0]}")),
        what="the service has endpoints",
    )
    kubectl("autoscale", "deploy/web", "--min=1", "--max=3", "--cpu-percent=80")
    assert kubectl.at("hpa", "web", ".spec.maxReplicas") == "3"
    assert "Deployment/web" in kubectl("get", "hpa", "web")
    assert "Reference:" in kubectl("describe", "hpa", "web")
    kubectl("set", "serviceaccount", "deploy/web", "default")
    kubectl("set", "selector", "svc/shop", "app=other")
    assert kubectl.at("svc", "shop", ".spec.selector.app") == "other"
    events = kubectl("events", "--for", "deployment/web")
    assert "ScalingReplicaSet" in events
    assert "ScalingReplicaSet" in kubectl("get", "events", "--sort-by=.lastTimestamp")
    assert kubectl("events", "--types=Normal", "-o", "json")


def test_run_starts_pods_and_shows_what_they_say(kubectl: Kubectl) -> None:
    image = "--image=choreo.local/web:1.0"
    made = kubectl("run", "web", image, "--port=8080", "--expose", "--labels=a=b").splitlines()
    assert sorted(made) == ["pod/web created", "service/web created"]
    kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=120s")
    once = ("run", "once", image, "--restart=Never", "--command", "--attach", "--rm")
    printed = kubectl.runs(*once, "--", "sh", "-c", "sleep 1; echo said; exit 4")
    assert "said" in printed.out, printed
    assert printed.code == 4, printed
    assert 'pod "once" deleted' in printed.out
    trial = kubectl("run", "trial", image, "--dry-run=client", "-o", "yaml")
    assert "restartPolicy: Always" in trial


def test_jobs_run_once_and_on_a_schedule(kubectl: Kubectl) -> None:
    image = "--image=choreo.local/web:1.0"
    kubectl(
        "create", "cronjob", "nightly", image, "--schedule=0 0 1 1 *", "--", "sh", "-c", "echo hi"
    )
    kubectl("create", "job", "now", "--from=cronjob/nightly")
    kubectl("wait", "job/now", "--for=condition=Complete", "--timeout=120s")
    assert kubectl("logs", "job/now") == "hi"
    assert "Complete" in kubectl("get", "job", "now")
    assert kubectl.at("cronjob", "nightly", ".spec.suspend") == "false"
    kubectl("patch", "cronjob", "nightly", "-p", '{"spec":{"suspend":true}}')
    assert "1 Succeeded" in kubectl("describe", "job", "now")
    kubectl("create", "job", "failing", image, "--", "sh", "-c", "exit 1")
    kubectl("patch", "job", "now", "--type=merge", "-p", '{"spec":{"ttlSecondsAfterFinished":0}}')
    kubectl("wait", "job/now", "--for=delete", "--timeout=120s")
    kubectl("delete", "job", "failing")
