"""Images that cannot be had: told in known words, contained, and had as soon as they can be."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded import podruntime
from tests import unprivileged
from tests.e2e.user import ANOTHER, ROOT, User, person, until
from tests.images import builders, programs
from tests.images.builders import MadeImage, entry, layer, sha256
from tests.images.strangers import Stranger, serving_beside

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PORT = 8080
BROKEN_AFTER = 100_000
NEVER_HAD = {"ErrImagePull", "ImagePullBackOff"}


def has_sandboxes(user: User) -> User:
    """Have this person's pods run in sandboxes; skips the test where there can be none."""
    found = podruntime.probe()
    if found.tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    user.extra["CHOREO_UP_RUNTIME"] = "sandbox"
    return user


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A person whose instance runs, for several tests; without rights, if there can be one."""
    kind = ROOT if unprivileged.lacking() else ANOTHER
    with person(kind, tmp_path_factory.mktemp("home")) as found:
        has_sandboxes(found)
        found.choreo("up", "--no-tui")
        yield found


@pytest.fixture
def sound() -> Iterator[Stranger]:
    """A registry that works."""
    with serving_beside(Stranger()) as found:
        yield found


@pytest.fixture
def program(tmp_path: Path) -> bytes:
    return programs.web_server(tmp_path)


def image(program: bytes, word: str, size: int = 0) -> MadeImage:
    """An image of a web server, with a layer of its own that does not compress."""
    base = layer(entry("bin/web", program, mode=0o755))
    config = {"Entrypoint": ["/bin/web", str(PORT)]}
    own = layer(entry("word", word.encode()), entry("ballast", os.urandom(size)))
    return builders.image(base, own, compression="", config=config)


def pod(name: str, reference: str) -> dict[str, Any]:
    """A pod that is ready when the web server of its image answers."""
    probe = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    main = {
        "name": "main",
        "image": reference,
        "imagePullPolicy": "IfNotPresent",
        "readinessProbe": probe,
    }
    spec = {"containers": [main], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def run(user: User, *manifests: dict[str, Any]) -> None:
    user.kubectl("apply", "-f", "-", text="\n---\n".join(map(json.dumps, manifests)))


def status(user: User, name: str) -> dict[str, Any]:
    found = json.loads(user.kubectl("get", "pod", name, "-o", "json"))["status"]
    return dict(found)


def waiting(user: User, name: str) -> tuple[str, str]:
    """Reason and message of a container that does not run."""
    (main,) = status(user, name).get("containerStatuses") or [{}]
    found = main.get("state", {}).get("waiting", {})
    return found.get("reason", ""), found.get("message", "")


def ready_since(user: User, name: str) -> str:
    """When a pod became ready; empty while it is not."""
    conditions = status(user, name).get("conditions") or ()
    found = (each for each in conditions if each["type"] == "Ready" and each["status"] == "True")
    return next((each["lastTransitionTime"] for each in found), "")


def until_ready(user: User, name: str) -> None:
    def is_ready() -> bool:
        assert ready_since(user, name), (waiting(user, name), events(user, name))
        return True

    until(is_ready, what=f"{name} is ready", within=120)


def until_said(user: User, name: str, words: str) -> None:
    """Wait until a pod waits for its image, for a reason that has these words."""

    def is_said() -> bool:
        reason, message = waiting(user, name)
        assert reason in NEVER_HAD, (reason, message)
        assert words in message, (reason, message)
        return True

    until(is_said, what=f"{name} says {words}", within=120)


def until_backed_off(user: User, name: str, words: str) -> None:
    """Wait for the time between two attempts, in which the last failure is told."""

    def is_waiting() -> bool:
        reason, message = waiting(user, name)
        assert reason == "ImagePullBackOff", (reason, message)
        assert message.startswith(f"Back-off pulling image {words}"), message
        return True

    until(is_waiting, what=f"{name} waits for another attempt", within=60)


def events(user: User, name: str) -> dict[str, list[str]]:
    """Messages of the events of a pod, by reason."""
    selector = f"involvedObject.name={name}"
    listed = json.loads(user.kubectl("get", "events", "--field-selector", selector, "-o", "json"))
    found: dict[str, list[str]] = {}
    for each in listed["items"]:
        found.setdefault(each["reason"], []).append(each["message"])
    return found


def test_what_a_registry_does_wrong_is_told_and_mended(
    started: User, sound: Stranger, program: bytes
) -> None:
    user = started
    steady, spoilt, cut = (image(program, word, 300_000) for word in ("steady", "spoilt", "cut"))
    for made, tag in ((steady, "steady"), (spoilt, "spoilt")):
        sound.add(made, tag)
    run(user, pod("steady", f"{sound.host}/a/b:steady"))
    until_ready(user, "steady")
    since = ready_since(user, "steady")

    own = sha256(spoilt.layers[1])
    sound.blobs[own] = os.urandom(len(spoilt.layers[1]))
    with serving_beside(Stranger()) as absent:
        pass
    absent.add(image(program, "absent"), "1")
    run(user, pod("spoilt", f"{sound.host}/a/b:spoilt"), pod("absent", f"{absent.host}/a/b:1"))
    until_said(user, "spoilt", f'failed commit on ref "{own}": unexpected commit digest sha256:')
    refused = f"dial tcp {absent.host}: connect: connection refused"
    until_said(user, "absent", refused)
    unknown = "rpc error: code = Unknown desc = failed to pull and unpack image"
    until_backed_off(user, "absent", f'"{absent.host}/a/b:1": ErrImagePull: {unknown} ')
    until_backed_off(user, "spoilt", f'"{sound.host}/a/b:spoilt": ErrImagePull: rpc error: ')
    for name in ("spoilt", "absent"):
        told = events(user, name)
        assert told["BackOff"], told
        assert told["Failed"], told
    assert events(user, "spoilt")["Failed"][0].startswith(
        f'Failed to pull image "{sound.host}/a/b:spoilt": rpc error: code = FailedPrecondition '
    )

    sound.blobs[own] = spoilt.layers[1]
    sound.add(cut, "cut")
    with serving_beside(absent):
        for name in ("spoilt", "absent"):
            until_ready(user, name)
        # Broken off within the large layer, which the next request goes on with.
        sound.broken_after = [BROKEN_AFTER] * 3
        run(user, pod("cut", f"{sound.host}/a/b:cut"))
        until_ready(user, "cut")
    large = f"GET /v2/a/b/blobs/{sha256(cut.layers[1])}"
    parts = [line for line in sound.asked if line.startswith(f"{large} bytes=")]
    assert parts, sound.asked
    assert ready_since(user, "steady") == since
    assert status(user, "steady")["containerStatuses"][0]["restartCount"] == 0


def test_what_the_disk_spoils_is_told_and_had_anew(
    started: User, sound: Stranger, program: bytes
) -> None:
    user = started
    blobs = user.home / "state" / "images" / "blobs" / "sha256"
    made = {word: image(program, word) for word in ("elsewhere", "nowhere")}
    sound.add(made["elsewhere"], "elsewhere")
    references = {
        "elsewhere": f"{sound.host}/a/b:elsewhere",
        "nowhere": "registry.invalid/a/b:nowhere",
    }
    for word, reference in references.items():
        layout = builders.oci_layout(user.home / word, made[word])
        user.choreo("image", "import", str(layout), "--name", reference)
        spoil(blobs / sha256(made[word].layers[1])[7:])
    run(user, *(pod(word, reference) for word, reference in references.items()))
    until_said(user, "nowhere", "failed to resolve reference")
    user.choreo("image", "import", str(user.home / "nowhere"), "--name", references["nowhere"])
    for word in references:
        until_ready(user, word)
        damaged = "its content was damaged on the disk"
        assert any(damaged in text for text in events(user, word).get("Failed", ())), word


def spoil(file: Path) -> None:
    """Change a byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_full_disk_is_told_and_room_mends_it(user: User, sound: Stranger, program: bytes) -> None:
    has_sandboxes(user)
    store = user.home / "state" / "images"
    store.mkdir(parents=True, mode=0o700)
    # As much as the small image takes, packed and unpacked.
    room = 3 * len(program) + (4 << 20)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room},mode=700", "none", str(store)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this machine does not let file systems be mounted")
    try:
        sound.add(image(program, "small"), "small")
        sound.add(image(program, "large", 8 << 20), "large")
        user.choreo("up", "--no-tui")
        run(user, pod("small", f"{sound.host}/a/b:small"))
        until_ready(user, "small")
        since = ready_since(user, "small")
        run(user, pod("large", f"{sound.host}/a/b:large"))
        until_said(user, "large", "no space left on device")
        subprocess.run(["mount", "-o", "remount,size=64m", str(store)], check=True)
        until_ready(user, "large")
        assert ready_since(user, "small") == since
    finally:
        user.choreo("down")
        subprocess.run(["umount", "-l", str(store)], check=False)
