"""What `make fuzz` has found worth keeping is held by `make test` without atheris: every input through its target."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tests.fuzz.targets import HEADED, TARGETS

CORPUS = Path(__file__).parent / "corpus"
MAKEFILE = CORPUS.parents[2] / "Makefile"


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_leaves_a_target_over_the_inputs_that_are_kept(name: str) -> None:
    kept = sorted((CORPUS / name).iterdir())
    assert kept
    for path in kept:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                TARGETS[name](path.read_bytes())
            except Exception as error:
                error.add_note(f"over {path.relative_to(MAKEFILE.parent)}")
                raise


def test_every_target_is_fuzzed_and_has_a_corpus() -> None:
    guided = re.search(r"^GUIDED := (.+)$", MAKEFILE.read_text(), re.MULTILINE)
    assert guided
    assert sorted(guided[1].split()) == sorted(TARGETS) == sorted(path.name for path in CORPUS.iterdir())
    assert set(HEADED) < set(TARGETS)
