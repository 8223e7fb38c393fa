"""A program that needs nothing of an image: a web server, linked statically."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images import builders
from tests.images.builders import MadeImage, entry, folder, layer

_SOURCE = r"""
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **words)
{
    char body[4096], head[256], request[4096], notes[1024] = "";
    const char *greeting = getenv("GREETING");
    FILE *file = fopen("/srv/notes", "r");
    struct sockaddr_in here = {.sin_family = AF_INET};
    int one = 1, listening = socket(AF_INET, SOCK_STREAM, 0);

    signal(SIGPIPE, SIG_IGN);
    if (file) {
        notes[fread(notes, 1, sizeof notes - 1, file)] = 0;
        fclose(file);
    }
    here.sin_port = htons(count > 1 ? atoi(words[1]) : 8080);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (struct sockaddr *)&here, sizeof here) || listen(listening, 16)) {
        perror("listen");
        return 1;
    }
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        int caller = accept(listening, 0, 0);
        if (caller < 0)
            continue;
        if (read(caller, request, sizeof request) > 0) {
            snprintf(body, sizeof body, "%s from %s, user %d, in %s", greeting ? greeting : "-",
                     notes, (int)getuid(), getcwd(request, sizeof request));
            snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     strlen(body));
            if (write(caller, head, strlen(head)) > 0 && write(caller, body, strlen(body)) > 0)
                shutdown(caller, SHUT_WR);
        }
        close(caller);
    }
}
"""
PASSWD = b"root:x:0:0::/root:/none\nweb:x:1234:1234::/srv:/none\n"


def web_server(place: Path) -> bytes:
    """The program; skips the test where it cannot be made."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler, to make a program without libraries")
    source, program = place / "web.c", place / "web"
    source.write_text(_SOURCE)
    command = [compiler, "-static", "-O1", "-s", "-o", str(program), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no program without libraries can be made here: {done.stderr[:200]}")
    return program.read_bytes()


def web_image(place: Path, notes: bytes = b"the first layer") -> MadeImage:
    """An image of it, in two layers."""
    base = layer(
        folder("bin"),
        entry("bin/web", web_server(place), mode=0o755),
        entry("etc/passwd", PASSWD),
        entry("srv/notes", b"hidden"),
    )
    config = {
        "Entrypoint": ["web"],
        "Cmd": ["8080"],
        "Env": ["PATH=/bin", "GREETING=Hello"],
        "User": "web",
        "WorkingDir": "/srv",
        "ExposedPorts": {"8080/tcp": {}},
    }
    return builders.image(base, layer(entry("srv/notes", notes)), config=config)
