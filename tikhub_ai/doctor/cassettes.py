"""Recordings in vcrpy's form, written without vcrpy: YAML that its own loader reads. Nothing secret is in them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from tikhub_ai.doctor.scrubbing import HOST, answer_headers, plain_form, scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tikhub_ai.http.recording import Exchange


def cassette(exchanges: Sequence[Exchange], facts: Mapping[str, str], secrets: Iterable[str], host: str) -> str:
    """A cassette of some exchanges.

    Args:
        exchanges: What passed; those without an answer are left out.
        facts: Who answered, for `answered_by`.
        secrets: What must not be in it.
        host: The gateway's host, with its port.
    """
    secrets = list(secrets)
    document = {
        "answered_by": dict(facts),
        "interactions": [_interaction(one, secrets, host) for one in exchanges if one.status_code],
        "version": 1,
    }
    return "\n".join(_yaml(document, "")) + "\n"


def _interaction(exchange: Exchange, secrets: list[str], host: str) -> dict[str, Any]:
    headers = {name: value for name, value in exchange.headers.items() if name != "content-length"}
    body, kind = plain_form(exchange.content, headers.get("content-type", ""))
    if kind:
        headers["content-type"] = kind
    parts = urlsplit(exchange.url)
    uri = urlunsplit(("http", HOST, scrubbed(parts.path, secrets, host), scrubbed(parts.query, secrets, host), ""))
    answered = answer_headers(exchange.answer_headers, secrets, host)
    answered.pop("content-length", None)  # of a body that is here decompressed, and scrubbed
    return {
        "request": {
            "body": _text(body, secrets, host) if body else "",
            "headers": headers,
            "method": exchange.method,
            "uri": uri,
        },
        "response": {
            "body": {"string": _text(exchange.body, secrets, host)},
            "headers": {name: [value] for name, value in answered.items()},
            "status": {"code": exchange.status_code, "message": exchange.reason},
        },
    }


def _text(body: bytes, secrets: list[str], host: str) -> str | bytes:
    try:
        return scrubbed(body.decode(), secrets, host)
    except UnicodeDecodeError:
        return scrubbed(body.decode("latin-1"), secrets, host).encode("latin-1", "replace")


def _yaml(value: Any, indent: str) -> list[str]:
    """Lines of block-style YAML."""
    lines: list[str] = []
    if isinstance(value, dict):
        for name, held in value.items():
            if isinstance(held, (dict, list)) and held:
                lines += [f"{indent}{_scalar(name)}:", *_yaml(held, f"{indent}  ")]
            else:
                lines.append(f"{indent}{_scalar(name)}: {_scalar(held)}")
        return lines
    for held in value:
        if isinstance(held, dict):
            first, *others = _yaml(held, f"{indent}  ")
            lines += [f"{indent}- {first.strip()}", *others]
        else:
            lines.append(f"{indent}- {_scalar(held)}")
    return lines


def _scalar(value: Any) -> str:
    match value:
        case dict():
            return "{}"
        case list():
            return "[]"
        case bytes():
            return f"!!binary {json.dumps(base64.b64encode(value).decode())}"
        case str() if re.fullmatch(r"[a-z_-]+", value) and value not in {
            "null",
            "true",
            "false",
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "-",
        }:
            return value
        case str():
            return f'"{"".join(map(_escaped, value))}"'
    return json.dumps(value)


def _escaped(character: str) -> str:
    r"""A character within double quotes: YAML breaks lines at more than `\n`, and takes no control characters."""
    if character in '"\\':
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{0xFFFD:04x}" if 0xD800 <= code < 0xE000 else f"\\U{code:08x}"
