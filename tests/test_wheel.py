"""The plain wheel works in an empty folder: shipped data and notebooks are inside."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


def run(*command: str | Path, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SANCTLIB_STORE")}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; dependencies are those of this one."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install"]
    run(*pip, "--no-deps", "--no-index", "--quiet", wheel, cwd=folder.parent)
    return folder / "bin"


def test_the_wheel_holds_data_notebooks_templates_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "sanctlib/_shipped/raw/ofac_sdn/list_changes.csv" in names
    assert "sanctlib/_shipped/notebooks/02_sanctions_over_time.ipynb" in names
    assert "sanctlib/codes/countries.csv" in names
    assert "sanctlib/sources/source.toml" in names
    assert "sanctlib/py.typed" in names
    assert not [n for n in names if n.startswith(("tests/", "data/", "notebooks/"))]


def test_the_installed_package_is_the_wheel_and_finds_its_data(
    installed: Path, tmp_path: Path
) -> None:
    code = "import sanctlib as sl; print(sl.__file__); print(len(sl.load('canada_sema').table))"
    file, rows = run(installed / "python", "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(installed.parent)
    assert rows == "236"


def test_the_command_writes_a_report_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    out = run(installed / "sanctlib", "report", "03_partnership_intensity", cwd=tmp_path)
    page = Path(out.strip().splitlines()[-1])
    assert (tmp_path / page).is_file()
    assert list(tmp_path.glob("reports/03_partnership_intensity/*/report.html"))
    assert str(installed.parent) not in (
        tmp_path / "reports/03_partnership_intensity/default/report.html"
    ).read_text(encoding="utf-8")
