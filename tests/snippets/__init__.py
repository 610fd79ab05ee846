"""Every snippet of README, of docs/ and of the public docstrings, run as a reader would run it."""
