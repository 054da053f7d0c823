"""`medianest studio` and `medianest demo-data`, run as a user runs them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from medianest_models.settings import DatabaseUrl
from tests.commands import PROGRAM, document, medianest, python
from tests.db.crashes import wait_until


@contextmanager
def running(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a studio, and yield it with the first line that it prints; it is killed if it still runs at the end."""
    with subprocess.Popen(
        [str(PROGRAM), "studio", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_the_studio_says_where_it_is_and_ends_when_it_is_told_to(fresh_url: DatabaseUrl) -> None:
    with running() as (process, line):
        found = re.fullmatch(r"The studio \(read and write\) is at (http://127\.0\.0\.1:\d+/\?token=\S{40,})\n", line)
        assert found
        with httpx.Client(follow_redirects=True, timeout=60) as client:
            assert client.get(found[1].partition("?")[0]).status_code == 403
            response = client.get(found[1])
            assert response.status_code == 200
            assert "There is nothing here yet" in response.text
            assert client.get(f"{response.url}users/list").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_it_ends_at_once_with_a_page_open(fresh_url: DatabaseUrl) -> None:
    with running() as (process, line), httpx.Client(follow_redirects=True, timeout=60) as client:
        page = client.get(line.split()[-1])
        with client.stream("GET", f"{page.url}_live") as stream:
            events = stream.iter_lines()
            assert next(events) == "event: Reload"
            process.send_signal(signal.SIGINT)
            assert list(events) == ["data:", ""]  # it is ended, not cut off
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""  # where a server that waited for the page to close says so


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "(read-only)"), (("--read-write",), "(read and write)"), (("--read-only",), "(read-only)")],
)
def test_in_production_it_is_read_only_unless_it_is_told_otherwise(
    fresh_url: DatabaseUrl, options: tuple[str, ...], said: str
) -> None:
    with running(*options, MEDIANEST_ENV="production") as (_, line):
        assert said in line


def test_demo_data_migrates_and_seeds_first_and_can_be_run_again(empty_url: DatabaseUrl) -> None:
    assert document("demo-data")["written"]["media_requests"] == 2000
    assert document("demo-data")["written"] is None
    lost = "SELECT (SELECT count(*) FROM service_status_history_default) + (SELECT count(*) FROM activity_logs_default)"
    assert medianest("db", "psql", "-Atc", lost) == (0, "0\n", "")
    status, output, _ = medianest("demo-data")
    assert (status, output) == (0, "The demo data are there already: nothing was changed.\n")
    assert document("stats")["users"] == 50


def test_demo_data_are_refused_in_production(empty_url: DatabaseUrl) -> None:
    status, output, errors = medianest("demo-data", MEDIANEST_ENV="production")
    assert (status, output) == (2, "")
    assert errors == "Error: MEDIANEST_ENV: says production, where there are no demo data\n"
    assert document("db", "status")["migrations"]["applied"] == []


def test_demo_data_are_refused_where_there_are_users(fresh_url: DatabaseUrl) -> None:
    medianest("db", "psql", "-c", "INSERT INTO users (plex_id, plex_username) VALUES ('17', 'ann')")
    status, output, errors = medianest("demo-data")
    assert (status, output) == (1, "")
    assert errors == "Error: there are users already: demo data are for a database that nobody uses\n"
    counts = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM services)"
    assert medianest("db", "psql", "-Atc", counts)[1] == "1|0\n"


WITHOUT_THE_EXTRA = """
import sys
sys.modules |= dict.fromkeys(["starlette", "starlette_admin", "uvicorn", "jinja2"])  # none of them can be imported
from medianest_models.cli import main
main()
"""


def test_without_the_extra_it_says_what_to_install(fresh_url: DatabaseUrl) -> None:
    def run(command: str) -> tuple[int, str]:
        ended = python("-c", WITHOUT_THE_EXTRA, command)
        return ended.returncode, ended.stderr

    said = "Error: this needs the extra studio: pip install 'medianest-models[studio]'\n"
    assert run("studio") == (2, said)
    assert run("demo-data") == (0, "")


def test_the_browser_is_not_given_the_token_on_its_command_line(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >{seen}.tmp\ncat "${{1#file://}}" >>{seen}.tmp\nmv {seen}.tmp {seen}\n'
    )
    browser.chmod(0o755)
    with running("--open", BROWSER=f"{browser} %s") as (process, line):
        wait_until(seen.exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    argument, page = seen.read_text().split("\n")
    assert argument.startswith("file:///")
    assert "token" not in argument
    assert f"url={line.split()[-1]}" in page
    assert not Path(argument.removeprefix("file://")).exists(), "the token is still there"
