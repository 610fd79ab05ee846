"""The process of one competitor: takes a command a line, answers with figures. Only one worker is busy at a time.

A command is a JSON object: `measure` names a function of one of the modules below, the rest are its arguments.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import sys
import traceback
import warnings

MODULES = ("calls", "vectors", "large", "films")


def main() -> None:
    """Answer until the input ends. What libraries print goes to the errors, and not between the answers."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("measure")
        try:
            module = next(one for one in map(importlib.import_module, MODULES) if hasattr(one, name))
            print(json.dumps(getattr(module, name)(**command)), file=out)
        except Exception as error:  # noqa: BLE001 - a competitor that fails is a figure, too
            traceback.print_exc()
            print(json.dumps({"error": f"{type(error).__name__}: {error}"[:300]}), file=out)


if __name__ == "__main__":
    main()
