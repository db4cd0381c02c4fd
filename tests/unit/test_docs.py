"""The documents agree with the code: settings, layers, citations, links, examples, commands."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from tieline.cli.main import app
from tieline.cli.root import hoist_options
from tieline.config import PREFIX, AwsSettings, ClientSettings, EmbeddedSettings
from tieline.operations.link_fields import WRITABLE_FIELDS
from tieline.operations.manage_resources import check_value
from tieline.operations.records import FLOW
from tieline.operations.workspace import Limits
from tieline.protocol.link import SyncConfig
from unit.test_layering import SEES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
SOURCES = [
    path
    for folder in ("layers", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__) and re.search("docs/|§", path.read_text())
]
"""Those that cite anything."""

DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _section(page: Path, title: str) -> str:
    """Gives the text below a heading, up to the next one of its level or above."""
    found = re.search(
        rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", page.read_text(), re.M | re.S
    )
    assert found, f"{_name(page)} has no section {title!r}"
    return found[2]


def _rows(text: str) -> list[list[str]]:
    """Gives the cells of the rows of all tables whose first cell is in code font."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


# configuration

_WORDS = {None: "unset", "": "empty"}


def _variables(model: type[BaseModel]) -> dict[str, tuple[str, str]]:
    found = {}
    for name, field in model.model_fields.items():
        default = "required"
        if not field.is_required():
            default = _WORDS.get(field.default, f"`{field.default}`")
        found[f"`{PREFIX}{name.upper()}`"] = (field.description or "", default)
    return found


def test_configuration_lists_exactly_the_variables_with_meaning_and_default() -> None:
    rows = _rows(_section(DOCS / "configuration.md", "Environment variables"))
    listed = {row[0]: (row[1], row[2]) for row in rows}
    assert len(rows) == len(listed)
    known = _variables(AwsSettings) | _variables(EmbeddedSettings) | _variables(ClientSettings)
    assert listed == known


def _link_default(field: Field[Any]) -> str:
    default = field.default
    if default is MISSING:
        return "required"
    if isinstance(default, tuple):
        return f"`{list(default)}`".replace("'", '"')
    if isinstance(default, bool):
        return f"`{default}`".lower()
    return _WORDS.get(default, f"`{default}`")


def test_configuration_lists_exactly_the_fields_of_sync_configs_with_their_defaults() -> None:
    rows = _rows(_section(DOCS / "configuration.md", "Sync config"))
    expected = {
        each.name: _link_default(each)
        for each in fields(SyncConfig)
        if each.name in WRITABLE_FIELDS
    }
    expected["own_private_key"] = "the workspace's key"
    assert {row[0].strip("`"): row[1] for row in rows} == expected


# layers


def test_architecture_has_the_table_of_the_layering_test() -> None:
    rows = _rows(_section(DOCS / "architecture.md", "Layers"))
    listed = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows}
    assert listed == {part: set(seen) for part, seen in SEES.items()}


# citations

_CITATION = re.compile(
    r"docs/(?P<page>[\w/-]+\.md)"
    r"|(?P<foreign>RFC \d+)"
    r"|§(?P<section>\d+(?:\.\d+)*)(?: rules? (?P<first>\d+)(?: and (?P<second>\d+))?)?"
)
_NEAR = 40
"""Letters between a document's name and a section of it, as in "§2 (order of checks), §3"."""


def _citations(path: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Gives (page, section, rules) of every citation; a bare § is of the protocol."""
    # A citation may be broken over two lines, of a docstring or of comments.
    text = re.sub(r"\s+(# )?", " ", path.read_text())
    page, end = "protocol.md", 0
    for found in _CITATION.finditer(text):
        if found.start() - end > _NEAR:
            page = "protocol.md"
        end = found.end()
        if found["section"] is None:
            page = found["page"] or ""
        elif page:
            rules = (found["first"], found["second"])
            yield page, found["section"], tuple(rule for rule in rules if rule)


def _numbered_section(page: str, number: str) -> str:
    titles = re.findall(r"^#+ (.*)$", (DOCS / page).read_text(), re.M)
    title = next((each for each in titles if each.startswith(f"{number}. ")), None)
    assert title, f"docs/{page} has no section {number}"
    return _section(DOCS / page, title)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_cited_section_and_rule_exists(path: Path) -> None:
    for page, number, rules in _citations(path):
        text = _numbered_section(page, number)
        for rule in rules:
            assert re.search(rf"^{rule}\. ", text, re.M), (
                f"docs/{page} §{number} has no rule {rule}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_cited_document_and_title_exists(path: Path) -> None:
    text = re.sub(r"\s+(# )?", " ", path.read_text())
    for page, title in re.findall(r'docs/([\w/-]+\.md)(?:,? "([A-Z][^"]*)")?', text):
        assert (DOCS / page).is_file(), f"{_name(path)} cites docs/{page}"
        if title:
            _section(DOCS / page, title)


def test_citations_are_found_at_all() -> None:
    found = list(_citations(ROOT / "layers/core/python/tieline/protocol/keys.py"))
    assert ("protocol.md", "2", ("3", "10")) in found
    assert all(section == "2" for _, section, _ in found), "an RFC's section was taken for ours"


# links between pages


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def _anchors(page: Path) -> set[str]:
    titles = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", _without_code(page.read_text())):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{_name(page)} links to {target}"
        if anchor:
            assert anchor in _anchors(there), f"{_name(page)} links to {target}"


def test_readme_names_every_document() -> None:
    text = (ROOT / "README.md").read_text()
    for page in DOCS.glob("*.md"):
        assert f"(docs/{page.name})" in text


# decisions


@pytest.mark.parametrize("path", DECISIONS, ids=_name)
def test_decision_has_the_parts_of_the_template_and_is_in_the_index(path: Path) -> None:
    text = path.read_text()
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    assert titles[0].startswith(f"{path.name[:4]} ")
    assert titles[1:] == ["Context", "Decision", "Good because", "Bad because"]
    row = f"| [{path.name[:4]}]({path.name}) | {titles[0][5:]} |"
    assert row in (DOCS / "adr" / "README.md").read_text()


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


# examples and commands


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


EXAMPLES = [
    pytest.param(script, id=f"{page.stem}-{number}")
    for page in (DOCS / "flows.md", ROOT / "README.md")
    for number, script in enumerate(_blocks(page, "python"), 1)
]


@pytest.mark.parametrize("script", EXAMPLES)
def test_example_is_a_flow(script: str) -> None:
    check_value(FLOW, script, Limits())
    handlers = [
        [argument.arg for argument in node.args.args]
        for node in ast.parse(script).body
        if isinstance(node, ast.FunctionDef) and node.name == "handler"
    ]
    assert handlers in ([["system", "this"]], [["system", "this", "inputs"]])


def _lines(page: Path) -> Iterator[str]:
    for block in _blocks(page, "bash"):
        without_files = re.sub(r"<<'END'\n.*?^END$", "", block, flags=re.M | re.S)
        yield from without_files.replace("\\\n", " ").splitlines()


COMMANDS = [
    pytest.param(shlex.split(line)[1:], id=line)
    for page in PAGES
    for line in _lines(page)
    if line.startswith("tieline ")
]


@pytest.mark.parametrize("words", COMMANDS)
def test_command_exists_with_its_options(words: list[str]) -> None:
    end = next((at for at, word in enumerate(words) if word in (">", "&", "|")), len(words))
    command: Any = typer.main.get_command(app)
    words = hoist_options(words[:end])
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            option = next((each for each in command.params if word in each.opts), None)
            assert option is not None, f"{command.name} has no option {word}"
            if not option.is_flag:
                words.pop(0)
        elif hasattr(command, "get_command"):
            found = command.get_command(None, word)
            assert found is not None, f"{command.name} has no command {word}"
            command = found
    assert not hasattr(command, "get_command"), f"{command.name} needs a command"


def test_commands_of_the_readme_are_found_at_all() -> None:
    assert len(COMMANDS) >= 10


def test_make_targets_that_are_written_about_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.M))
        assert named <= targets, _name(page)
