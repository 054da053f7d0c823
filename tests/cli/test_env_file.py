"""`--env-file`: every line must be valid, or the command does nothing."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncclick as click
import pytest

from medianest_models.cli.env_file import read_env_file
from medianest_models.settings import DatabaseUrl
from tests.commands import document, medianest

BAD = {
    "no name": ("=s3cret", "is no NAME=value"),
    "a colon": ("MEDIANEST_ENV: s3cret", "is no NAME=value"),
    "a colon and an equals sign": ("MEDIANEST_ENV:=s3cret", "has no name"),
    "a space in the name": ("MEDIANEST ENV=s3cret", "is no NAME=value"),
    "a shell's set": ("set MEDIANEST_ENV=s3cret", "is no NAME=value"),
    "a space that can't be seen": ("\u200bMEDIANEST_ENV=s3cret", "has no name"),
    "a name without a value": ("MEDIANEST_ENV", "gives no value"),
    "a secret without a name": ("s3cret", "gives no value"),
    "export without a value": ("export MEDIANEST_ENV", "gives no value"),
    "a quote that does not end": ('MEDIANEST_ENV="s3cret', "is no NAME=value"),
    "something after a quote": ("MEDIANEST_ENV='production' s3cret", "is no NAME=value"),
    "a quote in quotes": ("MEDIANEST_ENV='it's3cret'", "is no NAME=value"),
    "a quote that swallows lines": (
        'A="s3cret\nMEDIANEST_ENV=production\nB="',
        "has a quote that ends on another",
    ),
    "a quote that swallows and breaks": ('A="s3cret\nMEDIANEST_ENV="production"', "is no NAME=value"),
    "a NUL": ("MEDIANEST_ENV=s3cret\0", "holds a NUL character"),
    "a name again": ("FIRST=s3cret", "sets again what line 1 sets"),
    "a name again in small letters": ("first=s3cret", "sets again what line 1 sets"),
    "not UTF-8": ("MEDIANEST_ENV=\udcff s3cret", "is not UTF-8"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_named_and_not_shown(tmp_path: Path, name: str, end: str) -> None:
    line, problem = BAD[name]
    file = tmp_path / "settings"
    text = f"FIRST=1\n  # a comment\n \n{line}\nLAST=1\n"
    file.write_bytes(text.encode(errors="surrogateescape").replace(b"\n", end.encode()))
    with pytest.raises(click.BadParameter) as raised:
        read_env_file(file)
    assert raised.value.message.startswith(f"{file}, line 4: {problem}")
    assert "s3cret" not in raised.value.message


def test_what_is_good(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text(
        "\ufeffA=1\r\nexport B = two words # a comment\n\n# C=3\nD=\"a#\\n\\\"b\\\"\"\nE='${A} $(B)'\nF=\n'G'=a=b"
    )
    values = {"A": "1", "B": "two words", "D": 'a#\n"b"', "E": "${A} $(B)", "F": "", "G": "a=b"}
    assert read_env_file(file) == values


def test_a_good_one_counts_and_may_be_a_pipe(empty_url: DatabaseUrl, tmp_path: Path) -> None:
    pipe = tmp_path / "decrypted"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        written = pool.submit(pipe.write_text, "MEDIANEST_ENV=production\n")
        status, _, errors = medianest("--env-file", str(pipe), "db", "reset", "--yes")
    assert written.result()
    assert (status, "says production" in errors) == (2, True)


def test_all_files_count_and_the_later_one_wins(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    document("seed")
    files = write(tmp_path, "MEDIANEST_ENV=production\nLOG_LEVEL=info\n", "log_level=warning\n")
    status, _, errors = medianest(*files, "db", "reset", "--yes")
    assert (status, "says production" in errors) == (2, True)
    files = write(tmp_path, "MEDIANEST_ENV=production\n", "medianest_env=test\n")
    assert medianest(*files, "db", "reset", "--yes")[0] == 0
    files = write(tmp_path, "MEDIANEST_ENV: production\n", "MEDIANEST_ENV=test\n")
    status, output, errors = medianest(*files, "db", "reset", "--yes")
    assert (status, output, "line 1: is no NAME=value" in errors) == (2, "", True)


def test_a_file_wins_over_every_spelling_of_a_name(fresh_url: DatabaseUrl, tmp_path: Path) -> None:
    files = write(tmp_path, "MEDIANEST_ENV=production\n")
    status, _, errors = medianest(*files, "db", "reset", "--yes", medianest_env="test", Medianest_Env="test")
    assert (status, "says production" in errors) == (2, True)


def test_another_database_is_not_reached_by_the_environment_s_direct_way(
    fresh_url: DatabaseUrl, no_pooler: None, tmp_path: Path
) -> None:
    shell = "postgresql://nobody@127.0.0.1:1/shell"
    own = f"DATABASE_URL={fresh_url.render().get_secret_value()}\n"
    for texts in ((own,), (f"DATABASE_URL={shell}\nDATABASE_DIRECT_URL={shell}\n", own)):
        files = write(tmp_path, *texts)
        urls = {"DATABASE_URL": shell, "DATABASE_DIRECT_URL": shell, "database_direct_url": shell}
        urls["DATABASE_REPLICA_URL"] = "not looked at"
        assert medianest(*files, "db", "url", **urls)[1].strip() == fresh_url.masked
        assert medianest(*files, "db", "reset", "--yes", **urls)[0] == 0


@pytest.mark.parametrize("command", [("setup",), ("demo-data",), ("db", "reset", "--yes")], ids=" ".join)
def test_a_command_of_several_steps_does_them_all_in_one_database(fresh_url: DatabaseUrl, command: list[str]) -> None:
    urls = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/another",
        "DATABASE_DIRECT_URL": os.environ.get("DATABASE_DIRECT_URL", os.environ["DATABASE_URL"]),
    }
    status, _, errors = medianest(*command, **urls)
    assert (status, errors) == (0, "")


def write(folder: Path, *texts: str) -> list[str]:
    """Write files with these texts, and return the options that name them."""
    options = []
    for number, text in enumerate(texts):
        (folder / str(number)).write_text(text)
        options += ["--env-file", str(folder / str(number))]
    return options
