"""The house's layers, checked on every import in the package (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "layers" / "core" / "python"

CORE = ("errors", "protocol", "flows", "ports", "operations")
SEES: dict[str, tuple[str, ...]] = {
    "errors": (),
    "protocol": ("errors", "protocol", "__init__"),
    "flows": ("errors", "protocol", "flows"),
    "ports": ("errors", "protocol"),
    "operations": ("errors", "protocol", "flows", "ports", "operations", "__init__"),
    "adapters": ("errors", "protocol", "ports", "adapters"),
    "runner": ("errors", "protocol", "flows", "ports", "runner"),
    "config": ("errors",),
    "bootstrap": ("errors", "protocol", "ports", "operations", "adapters", "runner", "config"),
    "bootstrap_aws": ("errors", "operations", "adapters", "config"),
    "bootstrap_lambda": (
        *("errors", "ports", "operations", "adapters", "runner"),
        *("config", "bootstrap", "bootstrap_aws"),
    ),
    "api": (*CORE, "api", "__init__"),
    "embedded": (*CORE, "api", "bootstrap", "config", "embedded", "__init__"),
    "cli": (*CORE, "api", "bootstrap", "config", "embedded", "cli", "__init__"),
    "__init__": (),
    "__main__": ("cli",),
}
"""What each part of the package may import of it."""

TOUCHING = frozenset(
    {
        *("os", "time", "random", "secrets", "socket", "ssl", "http", "sqlite3", "subprocess"),
        *("threading", "asyncio", "pathlib", "multiprocessing", "selectors", "signal"),
        *("shutil", "tempfile", "urllib3", "boto3", "botocore"),
    }
)
"""Modules that touch the world; the parts that decide must not know them."""

DECIDING = ("protocol", "flows", "operations")

FILES = sorted(ROOT.glob("tieline/**/*.py"))


def _part(module: str) -> str:
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.lineno, node.module or ""


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _own_part(path: Path) -> str:
    return path.relative_to(ROOT / "tieline").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_file_imports_only_what_its_layer_may_see(path: Path) -> None:
    part = _own_part(path)
    allowed = SEES[part]
    for line, module in _imports(path):
        if module.split(".")[0] == "tieline":
            assert _part(module) in allowed, f"{_name(path)}:{line} imports {module}"
        assert module.split(".")[0] != "boto3" or part in (
            *("adapters", "bootstrap", "bootstrap_aws", "bootstrap_lambda"),
        )


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_deciding_code_touches_nothing(path: Path) -> None:
    if _own_part(path) not in DECIDING:
        return
    for line, module in _imports(path):
        assert module.split(".")[0] not in TOUCHING, f"{_name(path)}:{line} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_adapters_do_not_see_each_other(path: Path) -> None:
    if _own_part(path) != "adapters":
        return
    technology = path.stem.split("_", maxsplit=1)[0]
    for line, module in _imports(path):
        if module.startswith("tieline.adapters."):
            other = module.rsplit(".", maxsplit=1)[1].split("_", maxsplit=1)[0]
            assert other == technology, f"{_name(path)}:{line} imports {module}"


def test_flow_api_sees_only_what_the_flow_process_may_load() -> None:
    allowed = ("flows", "protocol", "errors")
    for path in ROOT.glob("flow_api/**/*.py"):
        for line, module in _imports(path):
            if module.split(".")[0] == "tieline":
                assert _part(module) in allowed, f"{path.name}:{line} imports {module}"
            assert module.split(".")[0] != "pydantic", f"{path.name}:{line} imports pydantic"


def test_every_part_of_the_package_has_its_rule() -> None:
    parts = {_own_part(path) for path in FILES}
    assert parts <= set(SEES), parts - set(SEES)
