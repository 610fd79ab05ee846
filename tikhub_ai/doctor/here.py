"""What can be said without asking anybody: versions, where the key comes from, address, proxy, certificates."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from tikhub_ai._version import __version__
from tikhub_ai.http.proxies import environment_proxy
from tikhub_ai.secret_values import secret_proxy
from tikhub_ai.settings import BASE_URL_VARIABLE, KEY_VARIABLES, environment_key, normalised_base_url

if TYPE_CHECKING:
    from tikhub_ai.settings import Settings

PACKAGES = (
    *("httpx", "httpx2", "aiohttp", "langchain-core", "langchain", "llama-index-core", "pydantic", "orjson"),
    *("tenacity", "certifi"),
)
"""Whose versions matter to us. None of them is imported for it."""
_SOCIAL_KEY = "TIKHUB_API_KEY is also the name of the social-data API's key, which the AI gateway refuses"


def here(settings: Settings) -> dict[str, str]:
    """Facts of this machine by what they are, none of them secret."""
    return {
        "tikhub-ai": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()}, {platform.system()})",
        "packages": ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
        "key": _key_words(),
        "address": _address_words(settings),
        "proxy": _proxy_words(settings),
        "certificates": _certificate_words(settings),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _key_words() -> str:
    """Where the key comes from. Of the key itself not even its length is said."""
    key = environment_key()
    if key is None or not key.get_secret_value().strip():
        return f"none: set {KEY_VARIABLES[0]}"
    words = f"from {key.variable}"
    if key.get_secret_value() != key.get_secret_value().strip():
        words += ", with white space around it, which is left out"
    if not key.get_secret_value().strip().startswith("sk-"):
        words += "; it does not begin with sk-, as TikHub AI keys do"
    return f"{words} ({_SOCIAL_KEY})" if key.variable == KEY_VARIABLES[1] else words


def _address_words(settings: Settings) -> str:
    if settings.base_url != normalised_base_url(None):
        return f"{settings.base_url} (given)"
    return (
        f"{settings.base_url} ({f'from {BASE_URL_VARIABLE}' if os.environ.get(BASE_URL_VARIABLE) else 'the default'})"
    )


def _proxy_words(settings: Settings) -> str:
    """The proxy on the way there, without its credentials."""
    if settings.proxy is not None:
        return f"{settings.proxy} (given)"
    named = secret_proxy(environment_proxy(str(settings.base_url)))
    return "none" if named is None else f"{named} (from the environment)"


def _certificate_words(settings: Settings) -> str:
    if settings.verify is False:
        return "not verified"
    if isinstance(settings.verify, str):
        return f"verified by {settings.verify}"
    names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    return f"verified by {' and '.join(names)}" if names else "verified by certifi's authorities"
