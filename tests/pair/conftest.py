"""A linked pair: `cloud` answers, `factory` dials; flows may run both ways."""

from __future__ import annotations

import pytest

from pair.world import Side, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cloud(world: World) -> Side:
    return world.add("cloud")


@pytest.fixture
def factory(world: World) -> Side:
    return world.add("factory")


@pytest.fixture
def linked(world: World, cloud: Side, factory: Side) -> World:
    world.link(factory, cloud, control="both", there_control="both")
    return world
