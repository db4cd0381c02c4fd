"""The settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tieline.config import read_settings
from tieline.errors import SettingsError


def test_data_directory_is_absolute_whatever_was_given() -> None:
    settings = read_settings({"TIELINE_DATA_DIRECTORY": "relative"})
    assert settings.directory == Path.cwd() / "relative"


def test_wrong_value_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="TIELINE_PORT"):
        read_settings({"TIELINE_PORT": "many"})


def test_empty_variable_counts_as_unset() -> None:
    assert read_settings({"TIELINE_PORT": ""}).port == 8420
