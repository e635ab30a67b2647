"""The house stands as its plan says: layers, pure modules, sizes, who imports what."""

import ast
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("appliance", "hw", "ledger_sync")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
WORKSHOP = sorted((ROOT / "image-build" / "workshop").rglob("*.py"))  # builds images; no package
MAX_LINES = 300
VENDORS = {
    "picamera2": {"hw/camera/picamera2.py"},
    "linuxpy": {"hw/camera/v4l2.py"},
    "smartcard": {"hw/readers/scard.py"},
    "gpiozero": {"hw/gate_io.py", "hw/board.py", "hw/sim/pins.py"},
    "pyzbar": {"hw/codes.py"},
    "zxingcpp": {"hw/codes.py"},
    "sqlite_utils": {"ledger_sync/migrations.py", "appliance/office/open_data.py"},
    "nacl": {
        *("ledger_sync/keys.py", "ledger_sync/passphrase.py", "ledger_sync/sealing.py"),
        "ledger_sync/remark.py",
        "appliance/bench/verdicts.py",
    },
    "cryptography": {"ledger_sync/keys.py", "ledger_sync/certificate.py"},
    "fpdf": {
        *("appliance/office/printing.py", "appliance/office/fonts.py"),
        "appliance/office/lettering.py",
        "appliance/office/pages/drawing.py",
    },
    "textual": {"appliance/console/app.py"},
    "rich": {"appliance/console/app.py", "appliance/office/reports/table.py"},
    "cbor2": set(),
}
"""Vendor library -> the modules that may import it. The bench measures against bare libraries."""


@cache
def imported_by(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_the_import_contracts_are_kept():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_contract_of_purity_covers_every_module_that_is_called_pure():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = project["importlinter"]["contracts"]
    purity = [one for one in contracts if one["name"].startswith("pure modules")]
    covered = [module for contract in purity for module in contract["source_modules"]]

    assert covered == project["yardpass"]["pure"]["modules"]


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendor_library_is_imported_where_it_belongs_and_nowhere_else(vendor):
    importers = {str(path.relative_to(ROOT)) for path in MODULES if vendor in imported_by(path)}

    assert importers == VENDORS[vendor]


@pytest.mark.parametrize(
    "path", [*MODULES, *WORKSHOP], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_module_is_short_and_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


def test_what_builds_images_is_never_imported_by_what_runs_on_a_terminal():
    assert not [path for path in MODULES if "workshop" in imported_by(path)]


@pytest.mark.parametrize(
    ("commands", "unwanted"),
    [
        ("update first_boot relay gate sync console", "sqlite_utils appliance.office.office"),
        ("update relay sync", "numpy"),
        ("relay", "email importlib.metadata"),
    ],
)
def test_what_a_box_starts_brings_nothing_that_it_will_not_need(commands, unwanted):
    modules = ["appliance.cli", *(f"appliance.commands.{name}" for name in commands.split())]
    script = f"import {', '.join(modules)}, sys; print(*sys.modules)"

    brought = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()

    assert set(modules) <= set(brought)
    assert not set(unwanted.split()) & set(brought)


def test_nine_of_ten_functions_are_at_most_25_lines_long():
    sizes = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                sizes.append(body[-1].end_lineno - body[0].lineno + 1 if body else 1)

    sizes.sort()

    assert sizes[len(sizes) * 9 // 10] <= 25


def test_the_top_level_holds_nothing_outside_the_plan():
    planned = {"appliance", "ledger_sync", "hw", "systemd", "image-build", "tests"}
    planned |= {"README.md", "pyproject.toml", "yardpass", "LICENSE", "CHANGELOG.md"}
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("git, or a checkout of it, is not here")
    listed = subprocess.run(
        [git, "-c", "safe.directory=*", "ls-files"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    top = {line.split("/")[0] for line in listed.stdout.splitlines()}

    assert {name for name in top if not name.startswith(".")} <= planned
