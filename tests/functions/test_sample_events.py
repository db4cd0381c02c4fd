"""The sample events are what their script writes, and every function has some."""

from __future__ import annotations

import pytest

from lambda_functions import EVENTS, FUNCTIONS, generator
from tieline.protocol.signing import verify_pss

STORED = sorted(str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.glob("*/*.json"))


def test_script_writes_the_stored_samples() -> None:
    written = {name: generator().text_of(event) for name, event in generator().samples().items()}
    stored = {name: (EVENTS / f"{name}.json").read_text() for name in STORED}
    assert written == stored


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_samples(function: str) -> None:
    assert [name for name in STORED if name.startswith(f"{function}/")]


def test_fixed_signature_is_one_of_the_profile() -> None:
    key = generator().fixed_key("cloud")
    signature = generator().FixedSigner(key).sign(b"base", None, None)
    assert verify_pss(key.public_key(), signature, b"base")
    assert not verify_pss(key.public_key(), signature, b"other")
