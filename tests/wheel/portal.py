"""The example portal of an installed wheel with the extra `portal`: `.ci/wheel` runs this from an empty folder."""

import json
import re
import signal
import subprocess
import sys
from urllib.request import Request, urlopen


def main() -> None:
    """Start it, sign in as it says, and stop it."""
    command = (sys.executable, "-m", "medianest_models.examples.portal", "--port", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as portal:
        assert portal.stdout is not None
        said = portal.stdout.readline() + portal.stdout.readline()
        found = re.search(r"at (http\S+/)\n.*sign in as (\S+), password (\S+)", said)
        assert found, said
        address, name, password = found.groups()
        given = json.dumps({"username": name, "password": password}).encode()
        signing_in = Request(f"{address}api/session", given, {"Content-Type": "application/json"})
        with urlopen(signing_in, timeout=60) as answer:
            assert "token" in json.load(answer)
        with urlopen(address, timeout=60) as page:
            assert b"Sign in" in page.read()
        portal.send_signal(signal.SIGINT)
        assert portal.wait(60) == 0


if __name__ == "__main__":
    main()
