"""Fuzzing that coverage guides, by atheris: `make fuzz` runs it beside hypothesis, in an environment of its own.

    python tests/fuzz/guided.py sse -max_total_time=60

The targets are those of targets.py. What is found goes to the folder that is named first, which `make fuzz` makes for
the time being. Answers are mutated as JSON and events, not as bytes alone: guided_json.py.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["tikhub_ai"]):
    from tests.fuzz.guided_json import mutator
    from tests.fuzz.targets import HEADED, TARGETS


def _bytes(data: bytes, max_size: int) -> bytes:
    """libFuzzer's own mutation. `atheris.Mutate` ends the process: it asks a libFuzzer other than the one that runs."""
    changed: bytes = import_module("atheris.core_with_libfuzzer").Mutate(data, max_size)
    return changed


def main() -> None:
    """Run the target that is named first, with libFuzzer's own options behind it."""
    warnings.simplefilter("ignore")
    name = sys.argv.pop(1)
    mutators = {} if name == "multipart" else {"custom_mutator": mutator(_bytes, name in HEADED)}
    atheris.Setup(sys.argv, TARGETS[name], **mutators)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
