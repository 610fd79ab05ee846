"""``python package_index.py COMMAND...``: run an installer, and say in our words that its index cannot be reached.

pip and npm bury that below retries and "no matching distribution". Standard library only: it runs before anything is
installed.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import IO, cast
from urllib.parse import urlsplit, urlunsplit

OUT_OF_REACH = "The package index cannot be reached"

# What pip (its retries, and urllib3's errors behind them) and npm write, and what to call it.
_REASONS = {
    "its certificate is not trusted here": r"certificate.verify.failed|SELF_SIGNED_CERT|UNABLE_TO_\w*ISSUER_CERT",
    "the proxy does not let us through": r"\b407\b|Cannot connect to proxy|ProxyError|Tunnel connection failed",
    "its name is not known here": (
        r"NameResolutionError|Name or service not known|name resolution|getaddrinfo|nodename nor servname"
        r"|ENOTFOUND|EAI_AGAIN"
    ),
    "it refuses the connection": r"Connection refused|ECONNREFUSED",
    "there is no network": r"Network is unreachable|No route to host|ENETUNREACH|EHOSTUNREACH",
    "it does not answer in time": r"ConnectTimeoutError|ReadTimeoutError|timed out|ETIMEDOUT|ERR_SOCKET_TIMEOUT",
    "the connection breaks": (
        r"NewConnectionError|ECONNRESET|Connection reset|RemoteDisconnected|Connection aborted|connection broken by"
    ),
    # All that pip says where it may not retry. Each of our packages is there, so nothing was read.
    "it lists nothing": r"\(from versions: none\)",
}
_RETRY = re.compile(r"\s*WARNING: Retrying ")


def why_out_of_reach(output: Iterable[str]) -> str | None:
    """Why a failed installer could not reach its index.

    Args:
        output: The lines that it wrote.

    Returns:
        Words and the remedy; None if that was not why it failed.
    """
    lines = list(output)
    said = next((index for index, line in enumerate(lines) if line.startswith(OUT_OF_REACH)), None)
    if said is not None:  # by the same words, in a `make` that the installer ran
        return "\n".join(lines[said : said + 3])
    reason = next((words for words, sign in _REASONS.items() if re.search(sign, "\n".join(lines), re.IGNORECASE)), None)
    if reason is None:
        return None
    is_npm = any("npm err" in line.lower() for line in lines)
    settings = ("npm_config_registry",) if is_npm else ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    named = [f"{name}={_without_password(os.environ[name])}" for name in settings if os.environ.get(name)]
    usual = "npm's registry or the one in its configuration" if is_npm else "PyPI, or what `pip config list` names"
    ours = "npm_config_registry=..." if is_npm else "PIP_INDEX_URL=..."
    certificate = "NODE_EXTRA_CA_CERTS=FILE" if is_npm else "PIP_CERT=FILE"
    return (
        f"{OUT_OF_REACH}: {reason} ({', '.join(named) or usual}).\n"
        f"Check the network, name a mirror with {ours}, a proxy with HTTPS_PROXY=..., or a company's certificate with "
        f"{certificate}.\nThen run the same command again: it goes on where it stopped."
    )


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def main(command: list[str]) -> int:
    """Run the installer; its output comes through as it is written, but for retries, which are many and all alike.

    Returns:
        The installer's exit code.
    """
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    held: list[str] = []
    with cast("IO[bytes]", process.stderr) as errors:
        for raw in errors:
            held.append(raw.decode(errors="replace").rstrip("\n"))
            if not held[-1].startswith("ERROR: ") and not _RETRY.match(held[-1]):
                print(held[-1], file=sys.stderr, flush=True)
    code = process.wait()
    if code:
        told = why_out_of_reach(held) or "\n".join(line for line in held if line.startswith("ERROR: "))
        print(told, file=sys.stderr, flush=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
