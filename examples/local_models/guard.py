"""Run one command for as long as standard input stays open: ``python guard.py GRACE_SECONDS COMMAND...``.

The starter holds the other end of the pipe. The kernel closes it when the starter ends in whatever way, SIGKILL
included, so no server outlives the session that started it. Expects to lead its own process group.
"""

import os
import select
import signal
import subprocess
import sys

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(grace: float, command: list[str]) -> int:
    """Run ``command``, and end its whole process group when told to or when standard input closes.

    Args:
        grace: Seconds between SIGTERM and SIGKILL.
        command: The program and its arguments.

    Returns:
        The command's own exit code; 128 plus the signal's number if one ended it.
    """
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    # Empty handlers rather than SIG_IGN: ignored signals would stay ignored in the command.
    for number in (*_STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)

    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    told_to_stop = False
    while process.poll() is None and not told_to_stop:
        ready, _, _ = select.select([sys.stdin, woken], [], [])
        told_to_stop = sys.stdin in ready or any(number in _STOP_SIGNALS for number in os.read(woken, 64))

    # Also where the command ended by itself: it may have left children behind.
    os.killpg(0, signal.SIGTERM)
    try:
        code = process.wait(grace)
    except subprocess.TimeoutExpired:
        code = -signal.SIGKILL
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
