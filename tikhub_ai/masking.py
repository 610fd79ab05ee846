"""Secrets that a server repeats, taken out of what it said. Linear in the text, whatever the secrets are.

A key that is short, or is made of words, may be no key but a stand-in for one, as servers on one's own machine want it
(`local`, `EMPTY`, `not-needed`). Such a text stands in addresses and sentences without being the key there. So it is
taken out where it is surely meant: where the text says that a credential follows; and by itself, if it is no short
word. No key of the gateway is of this kind.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import quote

from tikhub_ai.errors import ResponseInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tikhub_ai.errors import TikHubAIError

MASK = "***"
_TELLING = 8
"""Characters: so much of a secret's beginning tells something of it."""
_UNMISTAKABLE = 20
"""Characters: where so much of a secret stands, it is the secret, whatever follows. So much less is looked at again."""
_SHORT_WORD = re.compile(r"[^\W\d]+(?:[-. ][^\W\d]+)*|\d+")
_WORD = re.compile(r"(?:[a-z]+|[A-Z]+|[A-Z][a-z]+|\d{1,4})(?:[-_. ](?:[a-z]+|[A-Z]+|[A-Z][a-z]+|\d{1,4}))*")
"""What a stand-in for a key is made of, where the server wants none: `local`, `EMPTY`, `not-needed`, `localhost`."""
_BEFORE = 64
"""Characters before a text that may say that a credential follows."""
_INTRODUCED = re.compile(
    r"""(?:key|token|password|secret|credentials?|authorization)(?:\W{1,4}(?:provided|given|sent|is|was|of|value)){0,3}"""
    r"""\W{0,3}[:=("'`]\W{0,4}\Z|(?:bearer|basic)\W{1,3}\Z""",
    re.IGNORECASE,
)
_WITHIN_A_NAME = re.compile(r"[\w@/.-]\Z")
_NAME_GOES_ON = re.compile(r"[\w/-]|[.:][\w/]")
"""What stands beside a word that is a part of an address, of a path, of a version, of a longer word."""
_SCHEME = re.compile(
    r"(basic|bearer|digest|dpop|gnap|hawk|hmac|hoba|mutual|negotiate|ntlm|oauth|scram-sha-(?:1|256)|ssws|vapid|"
    r"aws4-hmac-sha256|[a-z-]*(?:token|key))[ \t]+(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""The word before the credentials of a header: servers say it too, as in `WWW-Authenticate: Bearer error=...`."""
_PARAMETER = re.compile(r'[\w-]+="?([^",\s]{8,})')
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_GOES_ON = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def mask(error: TikHubAIError, *secrets: str) -> None:
    """Replace secrets wherever the error holds them, since servers repeat what they were sent.

    Args:
        error: Changed in place.
        *secrets: What was sent and nobody else may see: the key, values of headers. See `forms_of`.
    """
    forms = forms_of(secrets)
    error.message = _masked(error.message, forms)
    error.args = (error.message,)
    for name in ("code", "type", "param", "request_id"):
        if isinstance(said := getattr(error, name, None), str):
            setattr(error, name, _masked(said, forms))
    if isinstance(info := getattr(error, "response", None), ResponseInfo):
        body = _masked(info.body.decode("latin-1"), forms).encode("latin-1")  # forms are ASCII: any bytes will do
        headers = {name: _masked(value, forms) for name, value in info.headers.items()}
        error.response = ResponseInfo(info.status_code, headers, body)  # type: ignore[attr-defined]  # it has one


def masked(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets, and without beginnings of them: messages quote, and break off within a quotation."""
    return _masked(text, forms_of(secrets))


def masked_headers(headers: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    """Response headers without secrets."""
    forms = forms_of(secrets)
    return {name: _masked(value, forms) for name, value in headers.items()}


def forms_of(secrets: Iterable[str]) -> list[str]:
    """All ways in which secrets may be repeated, the longest first.

    Of a header such as `Authorization: Bearer abc`, the word `Bearer` is no secret, and what follows is one; of `Basic`
    credentials, so is the password in them. Encoded for a URL or for JSON, a secret is still one.
    """
    forms = {form for secret in secrets for part in _parts(secret) for form in _encodings(part)}
    return sorted(forms, key=len, reverse=True)


def _parts(secret: str) -> Iterator[str]:
    found = _SCHEME.fullmatch(secret)
    if found is None:
        yield secret
        return
    scheme, credentials = found.group(1).lower(), found.group(2).strip()
    if len(credentials) < _TELLING:
        yield secret
        return
    yield credentials
    yield from _PARAMETER.findall(credentials)
    if scheme == "basic":
        try:
            user, _, password = b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:
            return
        if len(password) >= _TELLING:
            yield password
        yield f"{user}:{password}"


def _encodings(part: str) -> Iterator[str]:
    yield part
    if not _PLAIN.fullmatch(part):
        yield quote(part, safe="", errors="replace")
        yield json.dumps(part)[1:-1]


def _masked(text: str, forms: list[str]) -> str:
    for form in forms:
        if form and form[:_TELLING] in text:
            text = _without_stand_in(text, form) if _may_stand_in(form) else _without(text, form)
    return text


def _may_stand_in(secret: str) -> bool:
    return len(secret) < _TELLING or (len(secret) < _UNMISTAKABLE and _WORD.fullmatch(secret) is not None)


def _without_stand_in(text: str, secret: str) -> str:
    by_itself = len(secret) >= _TELLING or not _SHORT_WORD.fullmatch(secret)
    done = 0
    kept: list[str] = []
    start = text.find(secret)
    while start >= 0:
        end = start + len(secret)
        before, after = text[max(0, start - _BEFORE) : start], text[end : end + 2]
        is_whole = after[:1] not in _GOES_ON if after else True
        if (is_whole and _INTRODUCED.search(before)) or (
            by_itself and not _WITHIN_A_NAME.search(before) and not _NAME_GOES_ON.match(after)
        ):
            kept += [text[done:start], MASK]
            done = end
        else:
            end = start + 1
        start = text.find(secret, end)
    return "".join([*kept, text[done:]])


def _without(text: str, secret: str) -> str:
    head, done = secret[:_TELLING], 0
    kept: list[str] = []
    start = text.find(head)
    while start >= 0:
        length = _common(text, start, secret)
        end = start + length
        if length == len(secret) or length >= _UNMISTAKABLE or end == len(text) or text[end] not in _GOES_ON:
            kept += [text[done:start], MASK]
            done = end
        else:  # the beginning of another word
            end = start + 1
        start = text.find(head, end)
    return "".join([*kept, text[done:]])


def _common(text: str, start: int, secret: str) -> int:
    """How many characters of a secret stand at a position. Costs no more than they are."""
    length, step = 0, 16
    while length < len(secret) and text.startswith(secret[length : length + step], start + length):
        length = min(length + step, len(secret))
        step *= 2
    longest = min(len(secret), len(text) - start)
    while length < longest and text[start + length] == secret[length]:
        length += 1
    return length
