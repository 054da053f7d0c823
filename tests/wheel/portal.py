"""The example portal of an installed wheel with the extra `portal`: `.ci/wheel` runs this from an empty folder."""

import json
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection


def main() -> None:
    """Start it, sign in as it says, and stop it."""
    command = (sys.executable, "-m", "medianest_models.examples.portal", "--port", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as portal:
        try:
            assert portal.stdout is not None
            said = portal.stdout.readline() + portal.stdout.readline()
            found = re.search(r"at http://(\S+)/\n.*sign in as (\S+), password (\S+)", said)
            assert found, said
            host, name, password = found.groups()
            given = json.dumps({"username": name, "password": password})
            assert "token" in json.loads(answer(host, "POST", "/api/session", given))
            assert "Sign in" in answer(host, "GET", "/sign-in")
            assert "EventSource" in answer(host, "GET", "/static/portal.js")
        finally:
            portal.send_signal(signal.SIGINT)
    assert portal.returncode == 0


def answer(host: str, method: str, path: str, body: str | None = None) -> str:
    """Return the body of a successful response."""
    connection = HTTPConnection(host, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    assert response.status in (200, 201), text
    return text


if __name__ == "__main__":
    main()
