"""What is refused beyond what was recorded: names, subresources, hostile objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import builtin, defaults, typed, validation
from choreo_local.embedded.kubeapi.validation import cronschedules, names, printed
from choreo_local.embedded.kubeapi.validation.groups import of_group

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def gvk(api_version: str, kind: str) -> GroupVersionKind:
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind(group, version, kind)


def new(kind: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    typed.shape(kind, obj)
    defaults.apply(kind, obj)
    return obj


def named(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "namespace": "ns", "resourceVersion": "1", **fields}


def messages(problems: list[Any]) -> list[str]:
    return [f"{one.field}: {one.message}" for one in problems]


STORED = [
    one.kind
    for one in builtin.resources()
    if "list" in one.verbs and "create" in one.verbs and one.kind.group != "apiextensions.k8s.io"
]


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.api_version}/{kind.kind}")
def test_every_kind_has_rules_for_its_scope(kind: Any) -> None:
    rules = of_group(kind.group)[kind.kind]
    assert rules.namespaced is kind.namespaced
    if rules.create is not None and kind.kind not in ("Namespace", "PodTemplate"):
        assert rules.update is not None


@pytest.mark.parametrize(
    ("metadata", "problems"),
    [
        (named(), []),
        (named(name=""), ["metadata.name: Required value: name or generateName is required"]),
        (named(name="A_B"), [f'metadata.name: Invalid value: "A_B": {SUBDOMAIN}']),
        (named(generateName="x-"), []),
        (named(namespace=""), ["metadata.namespace: Required value"]),
        (
            named(namespace="a.b"),
            ['metadata.namespace: Invalid value: "a.b": must not contain dots'],
        ),
        (named(labels={"a": "b"}, annotations={"x/Y": "any thing"}), []),
        (
            named(finalizers=["orphan", "foregroundDeletion"]),
            [
                'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer '
                "orphan and foregroundDeletion cannot be both set"
            ],
        ),
        (named(finalizers=["any"]), []),
    ],
)
def test_metadata_of_custom_objects(metadata: dict[str, Any], problems: list[str]) -> None:
    assert messages(validation.validate_metadata(metadata, namespaced=True)) == problems


def test_objects_of_a_cluster_have_no_namespace() -> None:
    (problem,) = validation.validate_metadata(named(), namespaced=False)
    assert problem.field == "metadata.namespace"
    assert problem.message == "Forbidden: not allowed on this type"


def test_only_one_owner_controls() -> None:
    owner = {"apiVersion": "v1", "kind": "K", "uid": "u", "controller": True}
    owners = [{**owner, "name": "a"}, {**owner, "name": "b"}]
    (problem,) = validation.validate_metadata(named(ownerReferences=owners), namespaced=True)
    assert "Only one reference can have Controller set to true" in problem.message


def status(kind: GroupVersionKind, now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    objects = []
    for found in (now, then):
        spec = found.pop("spec", {})
        obj = {"metadata": {"name": "a", "resourceVersion": "1"}, "spec": spec, "status": found}
        objects.append(new(kind, obj))
    problems = validation.validate_update(kind, objects[0], objects[1], subresource="status")
    return messages(problems)


@pytest.mark.parametrize(
    ("api_version", "kind", "now", "problems"),
    [
        (
            "apps/v1",
            "Deployment",
            {"replicas": 1, "updatedReplicas": 2},
            [
                "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas",
                "status.collisionCount: Invalid value: 0: cannot be decremented",
            ],
        ),
        (
            "apps/v1",
            "StatefulSet",
            {"replicas": 2, "readyReplicas": 1, "availableReplicas": 2, "collisionCount": 1},
            [
                "status.availableReplicas: Invalid value: 2: cannot be greater than "
                "status.readyReplicas"
            ],
        ),
        (
            "apps/v1",
            "ReplicaSet",
            {"replicas": -1},
            [
                "status.replicas: Invalid value: -1: must be greater than or equal to 0",
                "status.fullyLabeledReplicas: Invalid value: 0: cannot be greater than "
                "status.replicas",
                "status.readyReplicas: Invalid value: 0: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 0: cannot be greater than "
                "status.replicas",
            ],
        ),
        (
            "apps/v1",
            "DaemonSet",
            {"numberReady": -2, "collisionCount": 3},
            ["status.numberReady: Invalid value: -2: must be greater than or equal to 0"],
        ),
    ],
)
def test_counts_of_replicas_make_sense(
    api_version: str, kind: str, now: dict[str, Any], problems: list[str]
) -> None:
    assert status(gvk(api_version, kind), now, {"collisionCount": 1}) == problems


JOB = gvk("batch/v1", "Job")


def condition(type_: str, value: str = "True") -> dict[str, str]:
    return {"type": type_, "status": value}


START, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
MET, COMPLETE = condition("SuccessCriteriaMet"), condition("Complete")


@pytest.mark.parametrize(
    ("now", "then", "problems"),
    [
        ({"active": 1, "startTime": START}, {}, []),
        (
            {"startTime": START, "completionTime": LATER, "conditions": [MET, COMPLETE]},
            {"startTime": START, "active": 1},
            [],
        ),
        (
            {"startTime": START, "conditions": [MET, COMPLETE]},
            {"startTime": START},
            ["status.completionTime: Required value: completionTime is required for Complete jobs"],
        ),
        (
            {"startTime": START, "completionTime": LATER, "conditions": [COMPLETE]},
            {"startTime": START},
            [
                "status.conditions: Invalid value: cannot set Complete=True condition without the "
                "SuccessCriteriaMet=true condition"
            ],
        ),
        (
            {"startTime": LATER, "completionTime": START, "conditions": [MET, COMPLETE]},
            {"startTime": LATER},
            [
                f'status.completionTime: Invalid value: "{START}": must be equal to or after '
                "`startTime`"
            ],
        ),
        (
            {"active": 2, "startTime": START, "completionTime": LATER}
            | {"conditions": [MET, COMPLETE]},
            {"startTime": START, "active": 2},
            ["status.active: Invalid value: 2: active>0 is invalid for finished job"],
        ),
        (
            {"failed": 1},
            {"failed": 2},
            ["status.failed: Invalid value: 1: cannot decrease the failed counter"],
        ),
        (
            {"startTime": LATER},
            {"startTime": START},
            [
                f'status.startTime: Invalid value: "{LATER}": field is immutable for unsuspended '
                "job once set"
            ],
        ),
        (
            {"conditions": []},
            {"conditions": [condition("FailureTarget")]},
            [
                "status.conditions: Invalid value: cannot disable the terminal FailureTarget=True "
                "condition"
            ],
        ),
        (
            {"ready": 3, "active": 2},
            {},
            ["status.ready: Invalid value: 3: cannot set more ready pods than active"],
        ),
        (
            {"uncountedTerminatedPods": {"succeeded": ["u", ""], "failed": ["u"]}},
            {},
            [
                'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
                'status.uncountedTerminatedPods.failed[0]: Duplicate value: "u"',
            ],
        ),
    ],
)
def test_the_status_of_a_job_makes_sense(
    now: dict[str, Any], then: dict[str, Any], problems: list[str]
) -> None:
    assert status(JOB, dict(now), dict(then)) == problems


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        ("0-2,5", ""),
        ("5,3", "error parsing completedIndexes: non-increasing order, previous: 5, current: 3"),
        ("3-1", "error parsing completedIndexes: non-increasing order, previous: 3, current: 1"),
        ("1-2-3", "violates the requirement that an index interval can have at most two parts"),
        ("x", 'cannot convert string to integer for index: "x"'),
        ("99", 'too large index: "99"'),
    ],
)
def test_indexes_of_a_job_are_intervals(now: str, problem: str) -> None:
    spec = {"completionMode": "Indexed", "completions": 10}
    found = status(JOB, {"spec": spec, "completedIndexes": now}, {"spec": spec})
    assert all(problem in one for one in found)
    assert len(found) == bool(problem)


def test_the_phase_of_a_namespace_follows_its_deletion() -> None:
    kind = gvk("v1", "Namespace")
    found = status(kind, {"phase": "Terminating"}, {})
    wanted = "may only be 'Active' if `deletionTimestamp` is empty"
    assert found == [f'status.Phase: Invalid value: "Terminating": {wanted}']


def test_finalizers_of_a_namespace_have_a_domain() -> None:
    kind = gvk("v1", "Namespace")
    metadata = {"name": "a", "resourceVersion": "1"}
    after = {"metadata": metadata, "spec": {"finalizers": ["kubernetes", "other"]}}
    before = {"metadata": metadata, "spec": {}}
    (problem,) = validation.validate_update(kind, after, before, subresource="finalize")
    assert problem.field == "spec.finalizers[1]"
    assert "neither a standard finalizer name nor is it fully qualified" in problem.message


def request(status_: dict[str, Any]) -> dict[str, Any]:
    spec = {"request": "", "signerName": "a.b/c", "usages": ["any"]}
    metadata = {"name": "a", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": spec, "status": status_}


@pytest.mark.parametrize(
    ("subresource", "now", "problem"),
    [
        ("status", {"conditions": [condition("Approved")]}, "may not add a condition of type"),
        ("approval", {"certificate": "YQ=="}, "may not set certificate content"),
        ("approval", {"conditions": [condition("Approved", "False")]}, 'supported values: "True"'),
        (
            "approval",
            {"conditions": [condition("Approved"), condition("Denied")]},
            "Approved and Denied conditions are mutually exclusive",
        ),
    ],
)
def test_certificates_are_approved_and_issued_apart(
    subresource: str, now: dict[str, Any], problem: str
) -> None:
    kind = gvk("certificates.k8s.io/v1", "CertificateSigningRequest")
    found = validation.validate_update(kind, request(now), request({}), subresource=subresource)
    assert problem in " ".join(messages(found))


def test_decisions_stay() -> None:
    kind = gvk("certificates.k8s.io/v1", "CertificateSigningRequest")
    before = request({"conditions": [condition("Denied")]})
    found = validation.validate_update(kind, request({}), before, subresource="approval")
    assert any(
        'updates may not remove a condition of type "Denied"' in one.message for one in found
    )


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (names.dns_label, "a-1", "a.b"),
        (names.dns_label, "a" * 63, "a" * 64),
        (names.dns_subdomain, "a.b-c", "a..b"),
        (names.dns_1035_label, "a1", "1a"),
        (names.wildcard_subdomain, "*.a.b", "a.*.b"),
        (names.qualified_name, "a.b/C_d", "a/b/c"),
        (names.qualified_name, "x" * 63, ""),
        (names.label_value, "", "-a"),
        (names.config_key, "a.b_c-D", ".."),
        (names.environment_variable, "A B", "A=B"),
        (names.port_name, "http-1", "1234"),
        (names.port_name, "a", "a--b"),
        (names.ip_address, "::1", "1.2.3"),
        (names.ip_address, "10.0.0.1", "010.0.0.1"),
        (names.cidr, "10.0.0.0/8", "10.0.0.0/33"),
        (names.path_segment, "A B", "a/b"),
        (names.percentage, "150%", "%"),
        (names.c_identifier, "_a1", "1a"),
    ],
)
def test_names_obey_their_rule(rule: Any, good: str, bad: str) -> None:
    assert rule(good) == []
    assert rule(bad)


@pytest.mark.parametrize("text", ["a\n", "a\nb", "\n"])
def test_a_line_break_is_never_part_of_a_name(text: str) -> None:
    for rule in (names.dns_label, names.dns_subdomain, names.qualified_name, names.config_key):
        assert rule(text)


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *",
        "*/5 0-6 1,15 jan-MAR mon",
        "@hourly",
        "@every 1h30m",
        "? * * * 0",
        "1-5/2 * * * *",
    ],
)
def test_schedules_that_are_understood(schedule: str) -> None:
    cronschedules.check(schedule)


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("bad", "expected exactly 5 fields, found 1: [bad]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@weekend", "unrecognized descriptor: @weekend"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("TZ=Nowhere * * * * *", "provided bad location Nowhere: unknown time zone Nowhere"),
        ("9" * 30 + " * * * *", "value out of range"),
    ],
)
def test_schedules_that_are_not_understood(schedule: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        cronschedules.check(schedule)
    assert reason in str(caught.value)


def test_bytes_may_be_missing() -> None:
    kind = gvk("v1", "ConfigMap")
    obj = new(kind, {"metadata": named(), "binaryData": {"a": None}})
    assert validation.validate_create(kind, obj) == []


def test_structures_are_printed_as_the_real_server_has_them() -> None:
    shown = printed.internal("apps.DeploymentStrategy", {"type": "x"})
    assert shown == {"Type": "x", "RollingUpdate": None}
    change = printed.difference(
        "core.PersistentVolumeClaimSpec",
        {"accessModes": ["ReadWriteOnce"], "volumeName": "a"},
        {"accessModes": ["ReadWriteOnce"], "volumeName": "b"},
    )
    lines = change.splitlines()
    assert lines[0].startswith("@@ ")
    assert [line for line in lines[1:] if line[0] in "+-"] == [
        '- "VolumeName": "a",',
        '+ "VolumeName": "b",',
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        *("containers", "volumes", "selector", "template", "replicas", "ports", "type"),
        *("strategy", "rules", "schedule", "jobTemplate", "metrics", "accessModes", "affinity"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STORED), st.dictionaries(FIELDS, VALUES, max_size=3))
def test_no_object_is_too_odd_to_be_judged(kind: Any, spec: dict[str, Any]) -> None:
    obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": named(), "spec": spec}
    try:
        typed.shape(kind.gvk, obj)
    except ValueError:
        return
    defaults.apply(kind.gvk, obj)
    defaults.prepare_create(kind.gvk, obj)
    assert isinstance(validation.validate_create(kind.gvk, obj), list)
    assert isinstance(validation.validate_update(kind.gvk, obj, obj), list)
    assert isinstance(validation.warnings(kind.gvk, obj), list)
