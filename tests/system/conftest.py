"""Two workspaces as two real processes: the cloud serves HTTPS, the on-prem agent dials out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from system.flow_scripts import Scene
from system.site import Site


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than ten seconds, by its nature")


@dataclass
class Pair:
    """The cloud and the on-prem workspace, each naming its link after the other."""

    cloud: Site
    on_prem: Site
    ca: str

    def link(self, there: dict[str, Any] | None = None, **on_prem: Any) -> None:
        """Links them; `there` are fields of the cloud's sync config. The cloud runs already."""
        self.cloud.link("on-prem", **{"control": "both", **(there or {})})
        url = f"{self.cloud.url}/api/latest/sync_config/on-prem/sync"
        fields = {"control": "both", "remote_url": url, "ca_certificate": self.ca, **on_prem}
        self.on_prem.link("cloud", **fields)

    def side(self, name: str) -> Site:
        return {"cloud": self.cloud, "on-prem": self.on_prem}[name]

    def start(self) -> None:
        """Starts whatever does not run."""
        for site in (self.cloud, self.on_prem):
            if not site.is_running:
                site.start()


@dataclass
class Land:
    """Where workspaces are made; ends them all."""

    directory: Path
    authority: trustme.CA
    sites: list[Site] = field(default_factory=list)

    def ca(self) -> str:
        return self.authority.cert_pem.bytes().decode()

    def add(self, name: str, *, serves: bool = False, directory: Path | None = None) -> Site:
        """Makes a workspace, not started yet."""
        site = Site(
            name=name,
            directory=directory or self.directory / name,
            log=self.directory / f"{name}.log",
            tls=self._certificate() if serves else None,
        )
        self.sites.append(site)
        site.make()
        return site

    def pair(self, there: dict[str, Any] | None = None, **on_prem: Any) -> Pair:
        """Gives a linked pair that runs."""
        pair = Pair(self.add("cloud", serves=True), self.add("on-prem"), self.ca())
        pair.cloud.start()
        pair.link(there, **on_prem)
        pair.on_prem.start()
        return pair

    def _certificate(self) -> tuple[Path, Path]:
        issued = self.authority.issue_cert("127.0.0.1")
        chain, key = self.directory / "chain.pem", self.directory / "tls-key.pem"
        for number, piece in enumerate(issued.cert_chain_pems):
            piece.write_to_path(str(chain), append=number > 0)
        issued.private_key_pem.write_to_path(str(key))
        return chain, key

    def end(self) -> None:
        for site in self.sites:
            site.end()
            if site.log.exists():
                print(f"--- log of {site.name}\n{site.log.read_text()[-4000:]}")  # noqa: T201


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The private certificate authority."""
    return trustme.CA()


@pytest.fixture
def land(tmp_path: Path, authority: trustme.CA) -> Iterator[Land]:
    """A place for workspaces of one test."""
    land = Land(tmp_path, authority)
    yield land
    land.end()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Pair]:
    """A linked pair for the tests of a module; what a test stopped is started for the next."""
    land = Land(tmp_path_factory.mktemp("pair"), authority)
    yield land.pair()
    land.end()


@pytest.fixture
def cloud(pair: Pair) -> Site:
    pair.start()
    return pair.cloud


@pytest.fixture
def on_prem(pair: Pair) -> Site:
    pair.start()
    return pair.on_prem


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene.make(tmp_path)
