"""PostgreSQL's programs: which ones are taken, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from medianest_models.backups.programs import find_programs, run_program
from medianest_models.embedded.programs import wheel_bindirs
from medianest_models.errors import BackupError, ConfigurationError


def make_program(folder: Path, name: str, script: str) -> Path:
    """Write a shell script."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def make_version(folder: Path, name: str, major: int) -> Path:
    """Write a program that says to be of this version."""
    return make_program(folder, name, f"echo '{name} (PostgreSQL) {major}.1 (Ours 1.2)'")


def test_each_version_of_the_wheel_is_found() -> None:
    assert find_programs(18, "pg_dump", "pg_restore") == wheel_bindirs()[0]
    assert find_programs(16, "pg_dump", "postgres", "pg_ctl") == wheel_bindirs()[1]


def test_pg_bindir_is_the_first_place_and_path_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = tmp_path / "first", tmp_path / "last"
    make_version(last, "pg_dump", 99)
    monkeypatch.setenv("PATH", f"{tmp_path}:{last}")
    assert find_programs(99, "pg_dump") == last
    make_version(first, "pg_dump", 99)
    monkeypatch.setenv("PG_BINDIR", str(first))
    assert find_programs(99, "pg_dump") == first
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PG_BINDIR", "~/first")
    assert find_programs(99, "pg_dump") == first
    make_version(last, "pg_restore", 99)
    assert find_programs(99, "pg_dump", "pg_restore") == last
    make_version(first, "pg_dump", 98)
    assert find_programs(99, "pg_dump") == last


def test_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_version(tmp_path, "pg_dump", 98)
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    with pytest.raises(ConfigurationError) as error:
        find_programs(99, "pg_dump", "pg_restore")
    said = str(error.value)
    assert said.startswith(f"pg_dump and pg_restore of PostgreSQL 99 are not installed here (found: 98 in {tmp_path}, ")
    assert "install the package postgresql-client-99 or its like, or set PG_BINDIR" in said


def test_what_is_no_program_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    make_program(tmp_path, "pg_dump", "echo nothing of PostgreSQL")
    assert find_programs(18, "pg_dump") == wheel_bindirs()[0]
    (tmp_path / "pg_dump").write_bytes(b"\x7fELF")
    assert find_programs(18, "pg_dump") == wheel_bindirs()[0]
    (tmp_path / "pg_dump").chmod(0o644)
    assert find_programs(18, "pg_dump") == wheel_bindirs()[0]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo pg_restore: error: one >&2; echo pg_restore: error: two >&2", "one"),
        ("echo pg_restore: warning: three >&2; echo pg_restore: detail: precious >&2; echo last >&2", "last"),
        ("""echo 'pg_restore: error: COPY failed for table "t": ERROR: "precious"' >&2""", 'COPY failed for table "t"'),
        ("true", "it ended with status 3"),
    ],
)
async def test_why_a_program_failed(tmp_path: Path, script: str, said: str) -> None:
    program = make_program(tmp_path, "pg_restore", f"{script}\nexit 3")
    with pytest.raises(BackupError) as error:
        await run_program(program)
    assert str(error.value) == f"pg_restore failed: {said}"
