"""Addresses that came from outside, in the JSON of a job or in a redirect: judged before anything is sent there.

What a host is told depends on its origin alone: that of `base_url` gets the key and the caller's headers, every other
one gets nothing of ours. For that to hold, our reading of an address and the HTTP library's must agree, so whatever two
parsers may read differently (credentials, backslashes, odd hosts) is refused. Path and query are not touched: a
signature covers them byte for byte.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, urljoin

from tikhub_ai.errors import DownloadError
from tikhub_ai.server_text import printable

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)\.?$")
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}
_SHOWN = 100

_ELSEWHERE = {
    "gs": "in Google Cloud Storage, which takes Google's own credentials: fetch it with gcloud or Google's client, or "
    "leave storageUri out, so that the video comes within the answer",
    "s3": "in S3, which takes AWS credentials: fetch it with AWS's own tools",
}


class Address(NamedTuple):
    """Where something is fetched from.

    Attributes:
        url: As it is sent; path and query as they were given.
        scheme: `http` or `https`.
        host: Lower case; an IPv6 address in brackets.
        port: The scheme's own where none was given.
    """

    url: str
    scheme: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """For a message: without the query, which holds signatures."""
        place = self.url.partition("?")[0]
        return place if len(place) <= _SHOWN else f"{place[:_SHOWN]}..."

    def has_origin_of(self, other: Address) -> bool:
        """Whether scheme, host and port are the same."""
        return self[1:] == other[1:]


def address_of(url: str | None, base_url: str) -> Address:
    """The address of a job's result.

    Args:
        url: As the job says it: absolute, or relative to the gateway.
        base_url: The gateway's address.

    Raises:
        DownloadError: There is none, it is no http(s) address, or one that nobody may be led to.
    """
    base = _parsed(base_url)
    text = (url or "").strip()
    if not text:
        raise DownloadError("The job names no address of its result: refresh it, or look at its raw answer.")
    return _judged(_parsed(_joined(text, base_url) or f"{base_url.rstrip('/')}/{text}"), base)


def redirected(location: str, here: Address, base_url: str) -> Address:
    """Where a redirect leads.

    Args:
        location: The answer's `location` header.
        here: The address that answered.
        base_url: The gateway's address.

    Raises:
        DownloadError: It leads nowhere, or where nobody may be led.
    """
    base = _parsed(base_url)
    there = _judged(_parsed(_joined(location, here.url) or urljoin(here.url, location)), base)
    if here.has_origin_of(base) and (here.scheme, there.scheme) == ("https", "http") and there.host == here.host:
        raise DownloadError(
            f"{here.shown} redirects to the same host without TLS ({there.shown}), where the key is not sent. "
            "Correct the gateway's configuration of its own address."
        )
    return there


def _joined(text: str, base: str) -> str:
    """An absolute address, nothing of its path changed; empty where the path itself is relative."""
    if _SCHEME.match(text):
        return text
    if text.startswith("//"):
        return f"{base.partition(':')[0]}:{text}"
    return "/".join(re.split("[/?#]", base, maxsplit=3)[:3]) + text if text.startswith("/") else ""


def _parsed(text: str) -> Address:
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if scheme not in _PORTS:
        where = _ELSEWHERE.get(scheme, "no address that can be fetched: only http and https are")
        raise DownloadError(f"The result is at {printable(text, _SHOWN)}, {where}.")
    rest = text[len(scheme) + 1 :]
    if _UNSENDABLE.search(rest) or not rest.startswith("//"):
        raise _no_address(text, "it is malformed")
    rest = rest[2:].partition("#")[0]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    if "@" in authority:
        raise _no_address(f"{scheme}://{authority.rpartition('@')[2]}", "it holds credentials")
    parsed = _HOST.fullmatch(_ascii(authority))
    port = int(parsed[2] or _PORTS[scheme]) if parsed else 0
    # Resolvers take 2130706433 and 0x7f.1 for 127.0.0.1.
    is_odd = parsed is not None and _NUMBER.search(parsed[1]) is not None and _ip(parsed[1]) is None
    if parsed is None or is_odd or not 0 < port < 65536:
        raise _no_address(text, "its host cannot be read")
    path = path if path.startswith("/") else f"/{path}"
    if not path.isascii() or " " in path:
        path = "".join(one if "!" <= one <= "~" else quote(one, errors="replace") for one in path)
    return Address(f"{scheme}://{parsed[0]}{path}", scheme, parsed[1].lower(), port)


def _ascii(authority: str) -> str:
    """A host's name as DNS knows it; empty where it has none."""
    if authority.isascii():
        return authority
    host, colon, port = authority.partition(":")
    try:
        return host.encode("idna").decode() + colon + port
    except UnicodeError:
        return ""


def _judged(there: Address, base: Address) -> Address:
    """An address, unless it leads into this machine, or to where clouds keep their credentials."""
    if there.host == base.host:
        return there
    if _is_link_local(there.host) or (_is_loopback(there.host) and not _is_loopback(base.host)):
        raise _no_address(
            there.shown, "it leads into this machine or its own network; the gateway may not know its public address"
        )
    return there


def _is_loopback(host: str) -> bool:
    address = _ip(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _is_link_local(host: str) -> bool:
    address = _ip(host)
    return address is not None and address.is_link_local


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _no_address(text: str, why: str) -> DownloadError:
    place = printable(text.partition("?")[0], _SHOWN)
    return DownloadError(f"The result is at {place}, which is not fetched: {why}.")
