"""`python -m tikhub_ai`, and the command `tikhub-ai`."""

from __future__ import annotations

import sys

from tikhub_ai.doctor.cli import main

if __name__ == "__main__":
    sys.exit(main())
