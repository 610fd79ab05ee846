"""How a backend words its failures, alike for all libraries. Of an exception only words are kept, never the object."""

from __future__ import annotations

import re

from tikhub_ai.errors import APIConnectionError, APITimeoutError, ConfigurationError, InvalidResponseError

_CREDENTIALS = re.compile(r"//[^/@\s]*@")


def words_of(failure: BaseException) -> str:
    """An exception's name and text, without the credentials of a proxy's address; a library's object is no text."""
    text = _CREDENTIALS.sub("//", str(failure))
    return f"{type(failure).__name__}: {text}" if text and text[0] != "<" else type(failure).__name__


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    return "/".join(url.split("/")[:3])


def pool_exhausted() -> APITimeoutError:
    """Nothing was sent: no connection came free."""
    return APITimeoutError(
        "All connections are in use and none came free in time: lower the concurrency.", may_have_been_sent=False
    )


def too_slow(url: str, words: str, *, may_have_been_sent: bool) -> APITimeoutError:
    """A phase took longer than its timeout."""
    return APITimeoutError(
        f"{origin_of(url)} did not answer in time ({words}). Raise timeout= if it needs longer.",
        may_have_been_sent=may_have_been_sent,
    )


def not_ended(url: str) -> APITimeoutError:
    """An answer has all that it needs, and still goes on."""
    return APITimeoutError(f"{origin_of(url)} did not end its answer in time.")


def only_blanks(seconds: float) -> APITimeoutError:
    """A gateway that is busy sends blank lines before a plain answer, to keep the connection, and nothing else came."""
    return APITimeoutError(f"The answer was only blanks for {seconds:g} s. Raise timeout= if it needs longer.")


def not_connected(url: str, words: str) -> APIConnectionError:
    """No connection stood, so that nothing was sent."""
    return APIConnectionError(
        f"Could not connect to {origin_of(url)} ({words}). Check base_url and the network.", may_have_been_sent=False
    )


def broken(url: str, words: str) -> APIConnectionError:
    """The connection stood and broke, or carried no HTTP."""
    return APIConnectionError(f"The connection to {origin_of(url)} broke ({words}).", may_have_been_sent=True)


def endless(url: str, most: int | None) -> InvalidResponseError:
    """More came than may, for an answer, or before its head had ended, where `most` is None."""
    return too_long(most) if most is not None else InvalidResponseError(f"The headers of {origin_of(url)} do not end.")


def too_long(most: int) -> InvalidResponseError:
    """An answer, decompressed, is longer than the caller takes."""
    return InvalidResponseError(
        f"The answer has more than max_response_bytes={most} bytes. Raise that setting to read it."
    )


def not_decompressed(url: str, words: str) -> InvalidResponseError:
    """The body is not what its content-encoding says."""
    return InvalidResponseError(f"The answer of {origin_of(url)} could not be decompressed ({words}).")


def cannot_be_sent(url: str) -> ConfigurationError:
    """The request itself is at fault."""
    return ConfigurationError(f"The request to {origin_of(url)} cannot be sent: check base_url and default_headers.")


def unusable_proxy(words: str) -> ConfigurationError:
    """The proxy of the settings or of the environment cannot be used."""
    return ConfigurationError(
        f"The proxy cannot be used ({words}): check proxy= or HTTP_PROXY, HTTPS_PROXY and ALL_PROXY. "
        "A SOCKS proxy needs `pip install httpx[socks]`."
    )
