"""Flows that tell the test outside what happened to them.

`effects` in the input names a file to which a flow appends one line per thing it did; `gate` names
a FIFO at which it waits until the test writes a word.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from system.waiting import eventually

ECHO = """
def handler(system, this, inputs):
    this.log('heard', word=inputs.get('word'))
    return {'echo': inputs.get('word')}
"""

FAIL = """
def handler(system, this, inputs):
    this.error('the machine is on fire')
"""

APPEND = """
def handler(system, this, inputs):
    with open(inputs['effects'], 'a') as effects:
        effects.write(f"{inputs['number']}\\n")
    return inputs['number']
"""

WAIT_AT_GATE = """
import os

def handler(system, this, inputs):
    with open(inputs['effects'], 'a') as effects:
        effects.write(f"{os.getpid()}\\n")
    with open(inputs['gate']) as gate:
        return gate.read()
"""

CLEAN_UP_AT_GATE = """
import os

def handler(system, this, inputs):
    with open(inputs['effects'], 'a') as effects:
        effects.write(f"{os.getpid()}\\n")
    try:
        with open(inputs['gate']) as gate:
            return gate.read()
    finally:
        with open(inputs['effects'], 'a') as effects:
            effects.write('cleaned up\\n')
"""

NEVER_END = """
import os, time

def handler(system, this, inputs):
    with open(inputs['effects'], 'a') as effects:
        effects.write(f"{os.getpid()}\\n")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


def ask(flow: str, link: str) -> str:
    """A flow that runs another one behind a link and gives its output."""
    return f"""
def handler(system, this, inputs):
    child = this.flow({flow!r}, remote_workspace_name={link!r}, **inputs)
    this.log('it said', output=child.get('output_value'))
    return {{'answer': child.get('output_value')}}
"""


def start_child(flow: str) -> str:
    """A flow that runs another one in its own workspace."""
    return f"""
def handler(system, this, inputs):
    return this.flow({flow!r}).get('output_value')
"""


@dataclass
class Scene:
    """The files through which one execution and the test see each other."""

    effects: Path
    gate: Path

    @classmethod
    def make(cls, directory: Path) -> Scene:
        scene = cls(directory / "effects", directory / "gate")
        scene.effects.touch()
        os.mkfifo(scene.gate)
        return scene

    @property
    def input_value(self) -> dict[str, str]:
        return {"effects": str(self.effects), "gate": str(self.gate)}

    @property
    def lines(self) -> list[str]:
        return self.effects.read_text().splitlines()

    def wait_for_start(self) -> int:
        """Waits until the flow did its effect; gives its process id."""
        return int(eventually(lambda: self.lines)[0])

    def release(self, word: str) -> None:
        """Lets the flow at the gate go on with that word."""
        descriptor = eventually(self._open_gate)
        os.write(descriptor, word.encode())
        os.close(descriptor)

    def _open_gate(self) -> int | None:
        try:
            return os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None  # nobody reads yet
