"""The units of docs/deploying.md are accepted by systemd, and call what exists."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from medianest_models.settings import Settings
from tests.conftest import CHECKOUT
from tests.docs.test_names import problem

PAGE: Final = (CHECKOUT / "docs" / "deploying.md").read_text()
UNITS: Final = dict(re.findall(r"`/etc/systemd/system/(\S+)`[^`]*```ini\n(.*?)```", PAGE, re.DOTALL))
HARDENED: Final = ("medianest-web.service", "medianest-worker@1.service", "medianest-maintain.service")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Save the units, with the programs of this environment in place of the page's."""
    for name, text in UNITS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.replace("/srv/medianest/.venv/bin", str(Path(sys.executable).parent)))
    return tmp_path


def systemd_analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze")
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_systemd_accepts_every_unit(folder: Path) -> None:
    units = [name.replace("@.", "@1.") for name in UNITS if name.endswith(".service")]
    assert len(units) == 4
    ended = systemd_analyze(folder, "verify", "--man=no", *units)
    said = [line for line in ended.stderr.splitlines() if "medianest" in line]
    assert (ended.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", HARDENED)
def test_a_unit_is_hardened(folder: Path, unit: str) -> None:
    ended = systemd_analyze(folder, "security", "--offline=true", "--no-pager", unit)
    (exposure,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", ended.stdout)
    assert float(exposure) < 2, ended.stdout


def test_what_the_units_call_exists() -> None:
    for call in re.findall(
        r"^ExecStart=/srv/medianest/\.venv/bin/(medianest .*)$", "".join(UNITS.values()), re.MULTILINE
    ):
        assert problem(shlex.split(call)) is None, call


def test_the_settings_exist() -> None:
    named = re.findall(r"^([A-Z_]+)=", "".join(re.findall(r"\.env`:\n\n```\n(.*?)```", PAGE, re.DOTALL)), re.MULTILINE)
    assert len(named) == 7
    assert {name.lower() for name in named} <= set(Settings.model_fields)
