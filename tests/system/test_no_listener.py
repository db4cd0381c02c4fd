"""The on-prem side accepts no connection."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil

from system.flow_scripts import WAIT_AT_GATE, Scene
from system.listening import listening_sockets
from system.site import Site


def test_agent_listens_on_nothing_while_it_runs_a_flow(
    cloud: Site, on_prem: Site, scene: Scene
) -> None:
    on_prem.add_flow("wait", WAIT_AT_GATE)
    started = cloud.begin("wait", "on-prem", scene.input_value)
    flow = scene.wait_for_start()
    assert on_prem.process is not None
    family = on_prem.process.family()
    assert flow in [each.pid for each in family]
    assert [listening_sockets(each) for each in family] == [[]] * len(family)
    scene.release("go")
    assert cloud.ended(started)["status"] == "ENDED_SUCCESS"


def test_server_listens_on_its_one_port_only(cloud: Site) -> None:
    assert cloud.process is not None
    port = int(cloud.url.rpartition(":")[2])
    host, *others = cloud.process.family()
    assert listening_sockets(host) == [f"SOCK_STREAM addr(ip='127.0.0.1', port={port})"]
    assert [listening_sockets(each) for each in others] == [[]] * len(others)


def test_the_look_for_listeners_sees_every_kind(tmp_path: Path) -> None:
    this = psutil.Process(os.getpid())
    before = listening_sockets(this)
    with (
        socket.create_server(("127.0.0.1", 0)),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as local,
    ):
        datagrams.bind(("127.0.0.1", 0))
        local.bind(os.path.relpath(tmp_path / "socket"))
        local.listen()
        seen = [each for each in listening_sockets(this) if each not in before]
    assert sorted(each.partition(" ")[0] for each in seen) == ["SOCK_DGRAM", "SOCK_STREAM", "unix"]
