"""The libraries of httpx's family: modules with the same names, so that one backend is written over any of them.

httpx2 is httpx's maintained successor. openai, anthropic, google-genai and others stand on it by now, so whoever comes
from there brings one of its clients.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tikhub_ai.http import failures
from tikhub_ai.http.inflating import OFFERED
from tikhub_ai.http.metering import EndlessError, SlowHeadError, metered
from tikhub_ai.http.pools import KEEPALIVE, MAX_CONNECTIONS, pools
from tikhub_ai.secret_values import secret_proxy

if TYPE_CHECKING:
    from tikhub_ai.errors import TikHubAIError
    from tikhub_ai.http.exchange import WireRequest
    from tikhub_ai.settings import Settings

_VISIBLE = re.compile(r"[\x21-\x7e]*")
NAMES = ("httpx", "httpx2")
_IDLE = 20
"""Most idle connections. httpcore's time for a request grows with their square: with 100 it does 200 calls a second."""


class _Verbatim:
    """Mixed into a library's URL: path and query go out as they were given, where the library would encode them anew.

    A signature covers them byte for byte.
    """

    raw_path = b""


def _target_of(url: str) -> bytes | None:
    """Path and query of an address; None where they cannot be sent as they are."""
    target = url.partition("#")[0].partition("://")[2].partition("/")
    return f"/{target[2]}".encode() if _VISIBLE.fullmatch(target[2]) else None


class Library:
    """One module of the family.

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

    def request(self, client: Any, request: WireRequest, content: Any) -> Any:
        """A request as the library's clients send it.

        Args:
            client: Whose headers, cookies and base URL are used, unless it goes to another host.
            request: What is sent.
            content: The body as the library takes it.
        """
        limits = request.timeouts
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
