"""kubectl and objects: create, apply, read in every form, change, compare, delete."""

from __future__ import annotations

import functools
import itertools
import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.clients.kubectl import Kubectl
from tests.e2e.user import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: shop}}
data: {colour: red, size: large}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: 8080}]
"""
STUDENT_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: students.NAME.example.com}
spec:
  group: NAME.example.com
  scope: Namespaced
  names: {plural: students, singular: student, kind: Student, shortNames: [stu], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: {specReplicasPath: .spec.courses, statusReplicasPath: .status.courses}
      additionalPrinterColumns: [{name: Year, type: integer, jsonPath: .spec.year}]
      schema:
        openAPIV3Schema:
          type: object
          description: Somebody who learns.
          properties:
            spec:
              type: object
              properties:
                year: {type: integer, minimum: 1, description: Which year of study.}
                courses: {type: integer}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""


def test_client_side_apply_creates_changes_and_prunes(kubectl: Kubectl) -> None:
    manifest = SETTINGS + "---" + SERVICE
    assert kubectl("apply", "-f", "-", text=manifest).splitlines() == [
        "configmap/settings created",
        "service/shop created",
    ]
    assert kubectl("apply", "-f", "-", text=manifest).splitlines() == [
        "configmap/settings unchanged",
        "service/shop unchanged",
    ]
    changed = manifest.replace("red, size: large", "blue").replace("8080", "9090")
    assert kubectl("apply", "-f", "-", text=changed).splitlines() == [
        "configmap/settings configured",
        "service/shop configured",
    ]
    assert kubectl.json("get", "configmap", "settings")["data"] == {"colour": "blue"}
    assert kubectl.at("service", "shop", ".spec.ports[0].targetPort") == "9090"
    last = json.loads(kubectl("apply", "view-last-applied", "cm/settings", "-o", "json"))
    assert last["data"] == {"colour": "blue"}
    kubectl("annotate", "cm", "settings", "kubectl.kubernetes.io/last-applied-configuration-")
    kubectl("apply", "set-last-applied", "-f", "-", "--create-annotation", text=SETTINGS)
    labelled = ("apply", "--prune", "-l", "app=shop", "--prune-allowlist=core/v1/ConfigMap")
    kubectl(*labelled, "-f", "-", text=SETTINGS.replace("name: settings", "name: other"))
    assert "NotFound" in kubectl.refuses("get", "configmap", "settings")


def test_server_side_apply_names_conflicts_and_takes_over_by_force(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert kubectl(*apply, text=SETTINGS) == "configmap/settings serverside-applied"
    other = SETTINGS.replace("red", "green")
    said = kubectl.refuses(*apply, "--field-manager=other", text=other)
    assert 'conflict with "kubectl": .data.colour' in said
    kubectl(*apply, "--field-manager=other", "--force-conflicts", text=other)
    assert kubectl.at("cm", "settings", ".data.colour") == "green"
    managers = kubectl(
        "get", "cm", "settings", "--show-managed-fields", "-o", "jsonpath={..manager}"
    )
    assert managers.split() == ["kubectl", "other"]
    kubectl(*apply, "--force-conflicts", text=SETTINGS.replace(", size: large", ""))
    assert kubectl.at("cm", "settings", ".data.size") == "large"  # the other still owns it
    # An object that client-side apply made passes to server-side apply.
    kubectl("apply", "-f", "-", text=SERVICE)
    kubectl(*apply, text=SERVICE.replace("8080", "9090"))
    assert kubectl.at("service", "shop", ".spec.ports[0].targetPort") == "9090"


def test_unknown_and_wrong_fields_are_refused_before_anything_is_written(kubectl: Kubectl) -> None:
    said = kubectl.refuses("apply", "-f", "-", text=SERVICE.replace("selector:", "selektor:"))
    assert 'unknown field "spec.selektor"' in said
    said = kubectl.refuses("create", "-f", "-", text=SERVICE.replace("port: 80,", "port: eighty,"))
    assert "strict decoding error" in said or "cannot be handled" in said, said
    said = kubectl.refuses("apply", "-f", "-", text=SERVICE.replace("port: 80,", "port: 99999,"))
    assert "spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535" in said
    warned = kubectl.runs(
        "apply", "--validate=warn", "-f", "-", text=SERVICE.replace("selector:", "selektor:")
    )
    assert warned.code == 0
    assert 'Warning: unknown field "spec.selektor"' in warned.err
    assert kubectl.refuses("get", "nonsense").startswith("error: the server doesn't have a")


def test_get_prints_every_form(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    kubectl("create", "-f", "-", text=SERVICE)
    get = ("get", "configmap", "settings")
    assert kubectl(*get).split()[:4] == ["NAME", "DATA", "AGE", "settings"]
    assert kubectl(*get, "--no-headers").split()[:2] == ["settings", "2"]
    assert kubectl("get", "service", "-o", "wide").split()[-1] == "app=shop"
    assert kubectl(*get, "-o", "name") == "configmap/settings"
    assert yaml.safe_load(kubectl(*get, "-o", "yaml"))["data"]["size"] == "large"
    assert kubectl(*get, "-o", "jsonpath={.data.colour}") == "red"
    assert kubectl(*get, "-o", "jsonpath-as-json={.data.colour}").split() == ["[", '"red"', "]"]
    assert kubectl(*get, "-o", "go-template={{.data.colour}}") == "red"
    columns = kubectl(*get, "-o", "custom-columns=N:.metadata.name,C:.data.colour")
    assert columns.split() == ["N", "C", "settings", "red"]
    assert kubectl(*get, "--show-labels").split()[-1] == "app=shop"
    assert kubectl(*get, "-L", "app").split()[-1] == "shop"
    assert kubectl("get", "cm", "-l", "app in (shop,x)", "-o", "name") == "configmap/settings"
    assert kubectl("get", "cm", "-l", "app!=shop", "-o", "name") == "configmap/kube-root-ca.crt"
    chosen = kubectl("get", "cm", "--field-selector=metadata.name=settings", "-o", "name")
    assert chosen == "configmap/settings"
    both = kubectl("get", "cm/settings", "svc/shop", "-o", "name").split()
    assert both == ["configmap/settings", "service/shop"]
    assert kubectl("get", "all", "-o", "name") == "service/shop"
    sorted_names = kubectl("get", "cm", "--sort-by=.metadata.name", "-o", "name").split()
    assert sorted_names == ["configmap/kube-root-ca.crt", "configmap/settings"]
    assert kubectl("get", "cm", "-A", "--chunk-size=1", "-o", "name").count("settings") >= 1
    assert kubectl("get", "cm", "absent", "--ignore-not-found") == ""
    assert 'configmaps "absent" not found' in kubectl.refuses("get", "cm", "absent")
    raw = json.loads(
        kubectl("get", "--raw", f"/api/v1/namespaces/{kubectl.namespace}/services/shop")
    )
    assert raw["kind"] == "Service"


def test_get_watch_follows_changes(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    shown = 'jsonpath={.type} {.object.metadata.name}{"\\n"}'
    watch = ("get", "cm", "-w", "--output-watch-events", "-l", "app=shop", "-o", shown)
    table = ("get", "cm", "settings", "-w")
    with kubectl.follows(*watch) as names, kubectl.follows(*table) as rows:
        until(lambda: len(names) == 1 and len(rows) == 2, what="the first state is printed")
        kubectl("patch", "cm", "settings", "--type=merge", "-p", '{"data":{"third":"yes"}}')
        kubectl("label", "cm", "settings", "app=other", "--overwrite")
        until(lambda: len(names) == 3 and len(rows) == 4, what="the changes are printed")
    events = [line.split()[0] for line in names]
    assert events == ["ADDED", "MODIFIED", "DELETED"]  # it left the selection
    assert [row.split()[1] for row in rows] == ["DATA", "2", "3", "3"]
    with kubectl.follows("get", "cm", "-A", "--watch-only", "-o", "name") as only:
        # The watch may begin after the first change, so there are more.
        changes = itertools.count()
        until(
            lambda: (
                bool(kubectl("annotate", "cm", "settings", f"n={next(changes)}", "--overwrite"))
                and "configmap/settings\n" in only
            ),
            what="a change is printed",
        )
    assert "configmap/kube-root-ca.crt\n" not in only


def test_describe_shows_objects_and_their_events(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    kubectl("create", "-f", "-", text=SERVICE)
    assert "colour:\n----\nred" in kubectl("describe", "cm", "settings")
    service = kubectl("describe", "service", "shop")
    assert "Type:" in service
    assert "app=shop" in service
    for kind in ("node", "namespace", "storageclass", "clusterrole/view"):
        assert kubectl("describe", kind)


def test_edit_sends_what_the_editor_wrote(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    editor = kubectl.user.home / kubectl.namespace
    editor.mkdir(exist_ok=True)
    script = editor / "editor.sh"
    script.write_text('#!/bin/sh\nsed -i "s/red/violet/" "$1"\n')
    script.chmod(0o755)
    one = kubectl.editing_with(script)
    assert one("edit", "cm", "settings") == "configmap/settings edited"
    assert kubectl.at("cm", "settings", ".data.colour") == "violet"
    assert "Edit cancelled, no changes made" in one.runs("edit", "cm", "settings").err
    script.write_text('#!/bin/sh\nsed -i "s/name: settings/name: Not_Valid/" "$1"\n')
    assert one.runs("edit", "cm", "settings").code != 0
    kubectl("create", "-f", "-", text=SERVICE)
    script.write_text('#!/bin/sh\nsed -i "s/8080/9090/" "$1"\n')
    one("edit", "service", "shop")
    assert kubectl.at("svc", "shop", ".spec.ports[0].targetPort") == "9090"


def test_patch_in_all_three_types(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SERVICE)
    patch = ("patch", "service", "shop")
    ports = '{"spec":{"ports":[{"port":443,"name":"https"}]}}'
    kubectl(*patch, "-p", ports)
    assert kubectl.at("svc", "shop", ".spec.ports[*].port") == "443 80"
    kubectl(*patch, "--type=merge", "-p", ports)
    assert kubectl.at("svc", "shop", ".spec.ports[*].port") == "443"
    operation = '[{"op":"replace","path":"/spec/ports/0/port","value":8443}]'
    kubectl(*patch, "--type=json", "-p", operation)
    assert kubectl.at("svc", "shop", ".spec.ports[*].port") == "8443"
    assert kubectl(*patch, "--type=json", "-p", operation).endswith("patched (no change)")
    failing = '[{"op":"test","path":"/spec/ports/0/port","value":1}]'
    assert "the server rejected our request" in kubectl.refuses(
        *patch, "--type=json", "-p", failing
    )
    trial = kubectl(*patch, "-p", '{"metadata":{"labels":{"a":"b"}}}', "--dry-run=server")
    assert trial.startswith("service/shop patched")
    assert kubectl.at("svc", "shop", ".metadata.labels") == ""


def test_label_and_annotate_add_change_and_remove(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    for verb, path in (("label", "labels"), ("annotate", "annotations")):
        kubectl(verb, "cm", "settings", "team=blue")
        assert kubectl.at("cm", "settings", f".metadata.{path}.team") == "blue"
        said = kubectl.refuses(verb, "cm", "settings", "team=red")
        assert "--overwrite is false" in said
        kubectl(verb, "cm", "settings", "team=red", "--overwrite")
        kubectl(verb, "cm", "--all", "all=yes")
        kubectl(verb, "cm", "settings", "team-")
        assert kubectl.at("cm", "settings", f".metadata.{path}.team") == ""
        assert kubectl.at("cm", "settings", f".metadata.{path}.all") == "yes"
    listed = kubectl("label", "cm", "settings", "--list")
    assert set(listed.split()) == {"app=shop", "all=yes"}
    assert "invalid label value" in kubectl.refuses("label", "cm", "settings", "bad=not a label")


def test_diff_shows_what_apply_would_change(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", text=SETTINGS)
    assert kubectl("diff", "-f", "-", text=SETTINGS) == ""
    for options in ((), ("--server-side", "--force-conflicts")):
        shown = kubectl.runs("diff", *options, "-f", "-", text=SETTINGS.replace("red", "blue"))
        assert shown.code == 1, shown.err
        assert "-  colour: red" in shown.out
        assert "+  colour: blue" in shown.out
    shown = kubectl.runs("diff", "-f", "-", text=SERVICE)
    assert shown.code == 1
    assert "+kind: Service" in shown.out
    assert "NotFound" in kubectl.refuses("get", "service", "shop")  # nothing was written


def test_replace_with_and_without_force(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    uid = kubectl.at("cm", "settings", ".metadata.uid")
    kubectl("replace", "-f", "-", text=SETTINGS.replace("red", "blue"))
    assert kubectl.at("cm", "settings", ".metadata.uid") == uid
    kubectl("replace", "--force", "-f", "-", text=SETTINGS)
    assert kubectl.at("cm", "settings", ".metadata.uid") != uid
    old = yaml.safe_load(kubectl("get", "cm", "settings", "-o", "yaml"))
    kubectl("label", "cm", "settings", "x=y")
    said = kubectl.refuses("replace", "-f", "-", text=yaml.safe_dump(old))
    assert "the object has been modified" in said
    assert "AlreadyExists" in kubectl.refuses("create", "-f", "-", text=SETTINGS)
    absent = SETTINGS.replace("name: settings", "name: absent")
    assert "NotFound" in kubectl.refuses("replace", "-f", "-", text=absent)
    kubectl("replace", "-f", "-", text=SERVICE)  # services are created by an update


def test_create_makes_every_kind_it_knows(kubectl: Kubectl) -> None:
    secret_file = kubectl.file("token.txt", "hush")
    name = kubectl.namespace
    for command in (
        "configmap made --from-literal=a=b",
        f"secret generic made --from-literal=a=b --from-file={secret_file}",
        "secret docker-registry pull --docker-username=u --docker-password=p",
        "serviceaccount made",
        "service clusterip made --tcp=80:8080",
        "service nodeport node --tcp=80:8080",
        "service externalname away --external-name=example.com",
        "service loadbalancer front --tcp=80:8080",
        "deployment made --image=choreo.local/web:1.0 --replicas=0 --port=8080",
        "job made --image=choreo.local/web:1.0 -- sh -c true",
        "cronjob made --image=choreo.local/web:1.0 --schedule=@yearly -- sh -c true",
        "role made --verb=get,list --resource=pods,deployments.apps,pods/log",
        "rolebinding made --role=made --serviceaccount=default:default --user=ann",
        f"clusterrole {name} --verb=get --resource=nodes",
        f"clusterrolebinding {name} --clusterrole={name} --group=readers",
        "quota made --hard=pods=10,requests.cpu=2",
        "poddisruptionbudget made --selector=app=made --min-available=1",
        "ingress made --rule=example.com/*=made:80,tls=cert",
        f"priorityclass {name} --value=1000",
    ):
        words = command.split()
        assert kubectl("create", *words).endswith("created")
    secret = kubectl.json("get", "secret", "made")
    assert secret["data"] == {"a": "Yg==", "token.txt": "aHVzaA=="}
    pull = kubectl.at("secret", "pull", ".type")
    assert pull == "kubernetes.io/dockerconfigjson"
    assert kubectl("create", "token", "made").count(".") == 2
    bound = kubectl("create", "token", "made", "--duration=1h", "--audience=me", "-o", "json")
    assert json.loads(bound)["spec"]["audiences"] == ["me"]
    assert kubectl("get", "deploy,job,cronjob,quota,pdb,ing,role,rolebinding", "-o", "name")
    for kind in ("clusterrole", "clusterrolebinding", "priorityclass"):
        kubectl("delete", kind, name)


def test_custom_resources_from_definition_to_deletion(kubectl: Kubectl) -> None:
    group = f"{kubectl.namespace}.example.com"
    crd = f"crd/students.{group}"
    kubectl("apply", "-f", "-", text=STUDENT_CRD.replace("NAME", kubectl.namespace))
    try:
        kubectl("wait", "--for=condition=Established", crd, "--timeout=60s")
        kind = f"students.{group}"
        ann: dict[str, Any] = {"apiVersion": f"{group}/v1", "kind": "Student"}
        ann |= {"metadata": {"name": "ann"}, "spec": {"year": 2}}
        assert kubectl("apply", "-f", "-", text=json.dumps(ann)).endswith("/ann created")
        ann["spec"] = {"year": 3, "courses": 1}
        assert kubectl("apply", "-f", "-", text=json.dumps(ann)).endswith("/ann configured")
        assert kubectl("get", kind).split()[:2] == ["NAME", "YEAR"]
        assert kubectl("get", kind, "ann", "--no-headers").split() == ["ann", "3"]
        assert f"student.{group}/ann" in kubectl("get", "all", "-o", "name")
        assert kubectl("scale", f"{kind}/ann", "--replicas=4").endswith("scaled")
        assert kubectl.at(kind, "ann", ".spec.courses") == "4"
        kubectl(
            "patch",
            kind,
            "ann",
            "--subresource=status",
            "--type=merge",
            "-p",
            '{"status":{"ok":1}}',
        )
        assert kubectl("get", kind, "ann", "--subresource=status", "-o", "jsonpath={.status.ok}")
        kubectl("wait", f"{kind}/ann", "--for=jsonpath={.status.ok}=1", "--timeout=30s")
        ann["spec"] = {"year": 0}
        said = kubectl.refuses("apply", "-f", "-", text=json.dumps(ann))
        assert "should be greater than or equal to 1" in said
        assert "Somebody who learns." in kubectl("explain", kind)
        assert "Which year of study." in kubectl("explain", f"{kind}.spec.year")
        assert "Kind:         Student" in kubectl("describe", kind, "ann")
        assert "students" in kubectl("api-resources", f"--api-group={group}", "-o", "name")
    finally:
        kubectl("delete", crd)
    assert kubectl.refuses("get", f"students.{group}", "ann")


def test_delete_with_each_cascade(kubectl: Kubectl) -> None:
    deployment = textwrap.dedent("""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: NAME}
        spec:
          replicas: 0
          selector: {matchLabels: {app: NAME}}
          template:
            metadata: {labels: {app: NAME}}
            spec: {containers: [{name: web, image: "choreo.local/web:1.0"}]}
        """)
    for cascade in ("background", "foreground", "orphan"):
        kubectl("apply", "-f", "-", text=deployment.replace("NAME", cascade))
        sets = functools.partial(kubectl, "get", "rs", "-l", f"app={cascade}", "-o", "name")
        until(functools.partial(_is_printed, sets), what="it has a replica set")
        said = kubectl("delete", "deploy", cascade, f"--cascade={cascade}")
        assert said.startswith(f'deployment.apps "{cascade}" deleted')
        if cascade == "orphan":
            assert sets()
        else:
            until(functools.partial(_is_empty, sets), what="the replica set goes with it")
    kubectl("create", "-f", "-", text=SETTINGS)
    kubectl("delete", "cm", "-l", "app=shop", "--dry-run=server")
    kubectl("delete", "cm", "-l", "app=shop")
    assert "NotFound" in kubectl.refuses("delete", "cm", "settings")
    assert kubectl("delete", "cm", "settings", "--ignore-not-found") == ""
    kubectl("create", "-f", "-", text=SETTINGS)
    kubectl("delete", "cm", "--all", "--wait=true")
    kubectl("create", "-f", "-", text=SERVICE)
    kubectl("delete", "service", "shop", "--now")
    kubectl("create", "-f", "-", text=SERVICE)
    kubectl("delete", "-f", "-", "--grace-period=0", "--force", text=SERVICE)


def test_wait_for_conditions_values_creation_and_deletion(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", text=SETTINGS)
    kubectl("wait", "cm/settings", "--for=jsonpath={.data.colour}=red", "--timeout=30s")
    kubectl("wait", "cm/settings", "--for=create", "--timeout=30s")
    said = kubectl.refuses("wait", "cm/settings", "--for=delete", "--timeout=100ms")
    assert "timed out waiting" in said
    kubectl(
        "patch", "cm", "settings", "--type=merge", "-p", '{"metadata":{"finalizers":["a.b/c"]}}'
    )
    kubectl("delete", "cm", "settings", "--wait=false")
    with kubectl.follows("wait", "cm/settings", "--for=delete", "--timeout=60s") as lines:
        kubectl("patch", "cm", "settings", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        until(lambda: kubectl.runs("get", "cm", "settings").code != 0, what="the object has gone")
        kubectl("wait", "cm/settings", "--for=delete", "--timeout=30s")
    assert not [line for line in lines if "error" in line]


def test_explain_and_the_lists_of_what_is_served(kubectl: Kubectl) -> None:
    assert "containers\t<[]Container> -required-" in kubectl("explain", "pod.spec")
    assert "FIELD: replicas <integer>" in kubectl("explain", "deployments.spec.replicas")
    assert "metadata\t<ObjectMeta>" in kubectl("explain", "cm", "--recursive")
    assert "VERSION:    v2" in kubectl("explain", "hpa", "--api-version=autoscaling/v2")
    assert "does not exist" in kubectl.refuses("explain", "pod.nothing")
    versions = kubectl("api-versions").split()
    assert {"v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2"} <= set(versions)
    names = kubectl("api-resources", "-o", "name").split()
    assert {"pods", "deployments.apps", "events.events.k8s.io"} <= set(names)
    assert kubectl("api-resources", "--namespaced=false", "--verbs=list", "--sort-by=kind")
    wide = kubectl("api-resources", "-o", "wide", "--api-group=apps")
    assert "create,delete,deletecollection,get,list,patch,update,watch" in wide


def test_kustomize_builds_and_applies(kubectl: Kubectl) -> None:
    kubectl.file("settings.yaml", SETTINGS)
    kubectl.file("base.yaml", SERVICE)
    kustomization = """
        resources: [settings.yaml, base.yaml]
        namePrefix: dev-
        labels: [{pairs: {stage: dev}}]
        configMapGenerator: [{name: made, literals: [a=b]}]
        patches:
          - target: {kind: Service}
            patch: '[{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]'
        """
    folder = kubectl.file("kustomization.yaml", textwrap.dedent(kustomization)).rpartition("/")[0]
    built = kubectl("kustomize", folder)
    assert built.count("kind:") == 3
    kubectl("apply", "-k", folder)
    assert kubectl.at("service", "dev-shop", ".spec.ports[0].port") == "81"
    assert kubectl("get", "cm", "-l", "stage=dev", "-o", "name").count("dev-") == 2
    kubectl("delete", "-k", folder)
    assert kubectl("get", "svc", "-o", "name") == ""


def _is_empty(printed: Callable[[], str]) -> bool:
    return not printed()


def _is_printed(command: Callable[[], str]) -> bool:
    return bool(command())
