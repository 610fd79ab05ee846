"""The libraries of httpx's family: modules with the same names, so that one backend is written over any of them.

httpx2 is httpx's maintained successor. openai, anthropic, google-genai and others stand on it by now, so whoever comes
from there brings one of its clients.
"""

from __future__ import annotations

import logging
import re
import sys
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

from tikhub_ai.http import failures
from tikhub_ai.http.inflating import OFFERED
from tikhub_ai.http.metering import EndlessError, SlowHeadError, metered
from tikhub_ai.http.pools import KEEPALIVE, MAX_CONNECTIONS, pools
from tikhub_ai.secret_values import secret_proxy

if TYPE_CHECKING:
    from tikhub_ai.errors import TikHubAIError
    from tikhub_ai.http.exchange import WireRequest
    from tikhub_ai.secret_values import SecretHeaders
    from tikhub_ai.settings import Settings

_VISIBLE = re.compile(r"[\x21-\x7e]*")
NAMES = ("httpx", "httpx2")
_IDLE = 20
"""Most idle connections. httpcore's time for a request grows with their square: with 100 it does 200 calls a second."""


_MOST_URLS = 256
"""Addresses that are kept parsed."""


class _Verbatim:
    """Mixed into a library's URL: path and query go out as they were given, where the library would encode them anew.

    A signature covers them byte for byte.
    """

    raw_path = b""


def _as_ours_sends(url: Any, headers: SecretHeaders, length: int) -> list[tuple[bytes, bytes]]:
    """Headers as a client of ours sends them, in its order."""
    ours = [(b"Host", url.netloc), (b"Connection", b"keep-alive")]
    if "accept-encoding" not in headers:
        ours.append((b"accept-encoding", OFFERED.encode()))
    ours += [(name.encode(), value.encode("ascii")) for name, value in headers.items()]
    ours.append((b"Content-Length", b"%d" % length))
    return ours


def _target_of(url: str) -> bytes | None:
    """Path and query of an address; None where they cannot be sent as they are."""
    target = url.partition("#")[0].partition("://")[2].partition("/")
    return f"/{target[2]}".encode() if _VISIBLE.fullmatch(target[2]) else None


class Library:
    """One module of the family.

    Clients of ours have nothing that a client does to a request beside its transport: no auth, no hooks, no cookies, no
    redirects. So their requests go to the transport straight, which saves a quarter of the time that a call takes.
    Recorders, mocks and proxies all work there or below. Injected clients do all that they do.

    Args:
        name: The module's.

    Attributes:
        failures: What its calls raise.

    Raises:
        ImportError: It is not installed.
    """

    def __init__(self, name: str) -> None:
        module: Any = import_module(name)
        self.name = name
        self._module = module
        self._subclasses: dict[tuple[type, str], Any] = {}
        self.failures = (
            module.HTTPError,
            module.InvalidURL,
            module.StreamError,
            OSError,
            UnicodeError,
            EndlessError,
            SlowHeadError,
        )
        self._urls: dict[str, Any] = {}
        self._log = logging.getLogger(name)
        self._judged: tuple[Any, ...] = ()
        self._is_as_made = False
        self._never_sent = (
            module.ConnectError,
            module.ConnectTimeout,
            module.PoolTimeout,
            module.UnsupportedProtocol,
            module.LocalProtocolError,
            module.ProxyError,
            UnicodeError,  # a host name that IDNA cannot encode
        )
        self._request_at_fault = (module.LocalProtocolError, module.InvalidURL, module.UnsupportedProtocol)

    def error(self, failure: Exception, url: object) -> TikHubAIError:
        """The member of our tree that an exception of the library is; keeps its words, not the exception."""
        address, words = str(url), failures.words_of(failure)
        sent = not isinstance(failure, self._never_sent)
        if isinstance(failure, EndlessError):
            return failures.endless(address, failure.most)
        if isinstance(failure, self._module.PoolTimeout):
            return failures.pool_exhausted()
        if isinstance(failure, (self._module.TimeoutException, SlowHeadError)):
            return failures.too_slow(address, words, may_have_been_sent=sent)
        if isinstance(failure, self._module.DecodingError):
            return failures.not_decompressed(address, words)
        if isinstance(failure, self._request_at_fault):
            return failures.cannot_be_sent(address)
        return failures.broken(address, words) if sent else failures.not_connected(address, words)

    def request(self, client: Any, request: WireRequest, content: Any, *, is_ours: bool = False) -> Any:
        """A request as the library's clients send it.

        Args:
            client: Whose headers, cookies and base URL are used, unless it goes to another host.
            request: What is sent.
            content: The body as the library takes it.
            is_ours: Whether the client is one of those made here, which have no headers but the library's own.
        """
        limits = request.timeouts
        if is_ours and isinstance(content, bytes) and not request.is_foreign:
            return self._request_of_ours(request, content)
        timeout = self._module.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool)
        if request.is_foreign:
            built = self._module.Request(
                request.method,
                request.url,
                headers=request.headers.get_secret_value(),
                content=content,
                extensions={"timeout": timeout.as_dict()},
            )
        else:
            built = client.build_request(
                request.method,
                request.url,
                headers=request.headers.get_secret_value(),
                content=content,
                timeout=timeout,
            )
        target = _target_of(request.url)
        if target is not None and target != built.url.raw_path and not getattr(client, "params", None):
            built.url = self.subclass(_Verbatim, "URL")(built.url)
            built.url.raw_path = target
        return built

    def _request_of_ours(self, request: WireRequest, content: bytes) -> Any:
        """The same as a client of ours builds: its own headers first, with no name and no value looked at twice."""
        url = self._url(request.url)
        limits = request.timeouts
        built = self._module.Request(
            request.method,
            url,
            headers=_as_ours_sends(url, request.headers, len(content)),
            stream=self._module.ByteStream(content),
            extensions={
                "timeout": {
                    "connect": limits.connect,
                    "read": limits.read,
                    "write": limits.write,
                    "pool": limits.pool,
                }
            },
        )
        built.url = url
        built.read()  # recorders look at its content
        return built

    def _url(self, text: str) -> Any:
        """An address as the library holds it. Those of calls are few, and each is parsed once."""
        url = self._urls.get(text)
        if url is None:
            url = self._module.URL(text)
            target = _target_of(text)
            if target is not None and target != url.raw_path:
                url = self.subclass(_Verbatim, "URL")(url)
                url.raw_path = target
            if "?" not in text:  # a query may hold a signature
                if len(self._urls) >= _MOST_URLS:
                    self._urls.clear()
                self._urls[text] = url
        return url

    def transport_of(self, client: Any, url: Any) -> Any:
        """The transport of a client of ours on the way to an address; None where its `send` must be called.

        That is so where somebody has put something in the place of `send`, as Sentry's and other tracers do.
        """
        kinds = (self._module.Client.send, self._module.AsyncClient.send)
        if kinds != self._judged:
            self._judged, self._is_as_made = kinds, all(map(self._is_own, kinds))
        choose = getattr(client, "_transport_for_url", None)
        return choose(url) if self._is_as_made and choose is not None and not client.is_closed else None

    def _is_own(self, method: Any) -> bool:
        """Whether a method is the library's own function, and no wrapper of it."""
        is_wrapper = hasattr(method, "__wrapped__")
        return (
            isinstance(method, FunctionType)
            and not is_wrapper
            and method.__globals__["__name__"].startswith(f"{self.name}.")
        )

    def is_own_response(self, response: Any) -> bool:
        """Whether an answer is of the library's own class, and not of one that only has its interface."""
        return type(response) is self._module.Response

    def carried(self, response: Any, request: Any) -> Any:
        """The answer of a transport, as a client gives it on, with the line that it logs."""
        response.request = request
        if self._log.isEnabledFor(logging.INFO):
            self._log.info(
                'HTTP Request: %s %s "%s %d %s"',
                request.method,
                request.url,
                response.http_version,
                response.status_code,
                response.reason_phrase,
            )
        return response

    @staticmethod
    def how(request: WireRequest) -> dict[str, Any]:
        """How a client is to send it: with its own credentials to the gateway only."""
        return {"stream": True, "follow_redirects": False} | ({"auth": None} if request.is_foreign else {})

    def subclass(self, mixin: type, base: str) -> Any:
        """A class of the library with something mixed in, made once.

        Args:
            mixin: What goes before it.
            base: The name of the library's class.
        """
        made = self._subclasses.get((mixin, base))
        if made is None:
            made = self._subclasses[mixin, base] = type(mixin.__name__, (mixin, getattr(self._module, base)), {})
        return made

    def new_client(self, settings: Settings, mixin: type) -> Any:
        """A client to be shared.

        Raises:
            ConfigurationError: The proxy or the CA file cannot be used.
        """
        return metered(self._made(self.subclass(mixin, "Client"), settings), is_async=False)

    def new_async_client(self, settings: Settings) -> Any:
        """`new_client`, async."""
        return metered(self._made(self._module.AsyncClient, settings), is_async=True)

    def _made(self, kind: Any, settings: Settings) -> Any:
        context, proxy = pools.context(settings.verify), secret_proxy(settings.proxy)
        try:
            return kind(
                verify=context,
                proxy=None if proxy is None else proxy.get_secret_value(),
                headers={"accept-encoding": OFFERED},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # kept by nobody: clients are shared
                limits=self._module.Limits(
                    max_connections=MAX_CONNECTIONS, max_keepalive_connections=_IDLE, keepalive_expiry=KEEPALIVE
                ),
            )
        except (ImportError, ValueError, self._module.InvalidURL) as failure:
            error = failures.unusable_proxy(failures.words_of(failure))
        raise error


library = lru_cache(maxsize=len(NAMES))(Library)
"""The library of a name, made once."""


def library_of(client: object) -> Library:
    """Whose client it is. One of neither is taken for httpx's, whose interface it must have."""
    for name in NAMES:
        module = sys.modules.get(name)
        if module is not None and isinstance(client, (module.Client, module.AsyncClient)):
            return library(name)
    return library("httpx")
