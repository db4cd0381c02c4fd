"""Reads template.yaml: CloudFormation's short forms become `{"Fn::GetAtt": ...}` and so on."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """Knows the tags that CloudFormation adds to YAML."""


def _construct(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _construct)


@cache
def template() -> Any:
    """Gives the template."""
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)


def resources(kind: str) -> dict[str, Any]:
    """Gives the properties of every resource of a type, by logical name."""
    found = template()["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == kind}


def folder_of(function: str) -> str:
    """Gives the folder's name of a function."""
    uri: str = resources("AWS::Serverless::Function")[function]["CodeUri"]
    return uri.removeprefix("functions/")


def statements(role: str) -> list[dict[str, Any]]:
    """Gives the statements of a role's policies, with actions and resources as lists."""
    found = []
    for policy in resources("AWS::IAM::Role")[role].get("Policies", ()):
        for each in policy["PolicyDocument"]["Statement"]:
            action, resource = each["Action"], each["Resource"]
            found.append(
                {
                    **each,
                    "Action": [action] if isinstance(action, str) else action,
                    "Resource": resource if isinstance(resource, list) else [resource],
                }
            )
    return found
