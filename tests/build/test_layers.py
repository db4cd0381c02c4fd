"""The layers: what is in them, and that they are built for the functions' Python."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from lambda_functions import ROOT

LAYERS = ROOT / "layers"


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", path.read_text(), re.M))


def test_layer_has_the_versions_that_the_tests_run_with() -> None:
    pins, lock = _pins(LAYERS / "deps" / "requirements.txt"), _pins(ROOT / ".ci/requirements.lock")
    assert {"aws-lambda-powertools", "cryptography", "pydantic", "urllib3"} <= pins.keys()
    assert pins == {name: lock[name] for name in pins}


def test_layer_leaves_out_what_the_runtime_has() -> None:
    pins = _pins(LAYERS / "deps" / "requirements.txt")
    assert not {"boto3", "botocore", "s3transfer", "python-dateutil", "six"} & pins.keys()


def test_every_pin_has_hashes() -> None:
    text = (LAYERS / "deps" / "requirements.txt").read_text()
    for name in _pins(LAYERS / "deps" / "requirements.txt"):
        assert re.search(rf"^{re.escape(name)}==.*\\\n    --hash=sha256:", text, re.M), name


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the built core layer."""
    target = tmp_path_factory.mktemp("core")
    subprocess.run(
        ["make", "--silent", "-C", str(LAYERS), "build-CoreLayer"],
        env={**os.environ, "ARTIFACTS_DIR": str(target)},
        check=True,
        capture_output=True,
    )
    return target


def test_core_layer_lies_where_lambda_looks(core: Path) -> None:
    assert sorted(path.name for path in core.iterdir()) == ["python"]
    assert {path.name for path in (core / "python").iterdir()} >= {"tieline", "flow_api"}


def test_core_layer_has_every_module(core: Path) -> None:
    source = LAYERS / "core" / "python"
    wanted = {path.relative_to(source) for path in source.rglob("*.py")}
    assert {path.relative_to(core / "python") for path in core.rglob("*.py")} == wanted


def test_bytecode_is_for_the_functions_python_and_trusted_without_the_source(core: Path) -> None:
    compiled = list(core.rglob("*.pyc"))
    assert all(path.name.endswith(".cpython-313.pyc") for path in compiled)
    # PEP 552: flags 0b01 = by hash, not checked against the source.
    assert {path.read_bytes()[4:8] for path in compiled} <= {b"\x01\x00\x00\x00"}


def test_handlers_are_short() -> None:
    for path in ROOT.glob("functions/*/*"):
        assert path.name in ("app.py", "__pycache__"), path
        if path.is_file():
            assert len(path.read_text().splitlines()) <= 80, path
