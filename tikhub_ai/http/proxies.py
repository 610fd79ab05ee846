"""Which proxy the environment names for an address, by httpx's rules, so that sync and async agree."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies

_DEFAULT_PORTS = {"http": 80, "https": 443}


def environment_proxy(url: str) -> str | None:
    """The proxy for an address, or None.

    Follows httpx: `NO_PROXY` names exempt a host and what is below it; addresses and `localhost` exempt only
    themselves; a name with a scheme or a port exempts only these; `*` exempts all.

    Args:
        url: The address to be reached.
    """
    named = getproxies()
    scheme = urlsplit(url).scheme
    proxy = named.get(scheme) or named.get("all")
    exempt = [entry.strip() for entry in named.get("no", "").split(",")]
    if not proxy or "*" in exempt or any(_covers(entry, url) for entry in exempt if entry):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _covers(entry: str, url: str) -> bool:
    """Whether an entry of `NO_PROXY` exempts an address."""
    target = urlsplit(url)
    host = target.hostname or ""
    exact = is_pattern = "://" in entry
    if not is_pattern:
        bare = entry.split("/", maxsplit=1)[0]
        address = _is_address(bare)
        exact = address or entry.lower() == "localhost"
        entry = f"all://[{entry}]" if address and ":" in bare else f"all://{entry}"
    wanted = urlsplit(entry)
    if wanted.scheme not in {"all", target.scheme}:
        return False
    port = None if wanted.port == _DEFAULT_PORTS.get(wanted.scheme) else wanted.port
    if port is not None and port != (None if target.port == _DEFAULT_PORTS[target.scheme] else target.port):
        return False
    name = wanted.hostname or ""
    if is_pattern and name.startswith("*"):
        name, exact = name[1:], False
        if name.startswith("."):
            return host.endswith(name) and host != name
    if name and not exact:
        return host == name or host.endswith(name if name.startswith(".") else f".{name}")
    return name in {"", host}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
