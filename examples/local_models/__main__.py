"""``python -m local_models install NAME...`` and ``python -m local_models serve NAME...``."""

import argparse
import shlex
import signal
import sys

from local_models import SERVERS, LocalModelsError, install, running


def main() -> int:
    """Run the command line; the return value is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_models", description="Small local servers to try things on.")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install servers below .peers/")
    serving = commands.add_parser("serve", help="run servers until Ctrl-C")
    for command in (installing, serving):
        command.add_argument("names", nargs="+", choices=SERVERS, metavar="NAME", help=", ".join(SERVERS))
    installing.add_argument(
        "--beside",
        nargs=2,
        action="append",
        default=[],
        metavar=("LABEL", "COMMAND"),
        help="another command to run, and to show, at the same time",
    )
    arguments = parser.parse_args()

    # Unwinds like Ctrl-C does, so that the servers are gone before we are.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        if arguments.command == "install":
            install(*arguments.names, beside={label: shlex.split(words) for label, words in arguments.beside})
        else:
            _serve(arguments.names)
    except LocalModelsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _serve(names: list[str]) -> None:
    with running(*names) as peers:
        for peer in peers.values():
            print(f"{peer.name}  {peer.base_url}  key={peer.api_key}  model={peer.model}", flush=True)
        print("Ctrl-C stops them.", flush=True)
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
