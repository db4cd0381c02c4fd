"""Random histories of a linked pair; each seed is one, and repeats exactly."""

from __future__ import annotations

import os

import pytest

from pair.simulation import Simulation

SEEDS = int(os.environ.get("SEEDS", "40"))


@pytest.mark.parametrize("seed", range(SEEDS), ids=lambda seed: f"seed-{seed}")
def test_nothing_is_lost_or_done_twice(seed: int) -> None:
    Simulation(seed).run()


def test_the_faults_really_happen() -> None:
    run = Simulation(1)
    run.run()
    assert run.crashes > 0
    assert run.world.network.count > 50
