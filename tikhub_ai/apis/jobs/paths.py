"""Where each media operation is. Gateways mount them differently (`media_api.md` §2), so every path is a setting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tikhub_ai.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PATHS: dict[str, str] = {
    "transcriptions": "/v1/audio/transcriptions",
    "videos": "/v1/videos",
    "videos.content": "/v1/videos/{id}/content",
    "seedance": "/seedance/v3/contents/generations/tasks",
    "kling.text2video": "/kling/v1/videos/text2video",
    "kling.image2video": "/kling/v1/videos/image2video",
    "veo.generate": "/v1beta/models/{model}:predictLongRunning",
    "veo.fetch": "/v1beta/models/{model}:fetchPredictOperation",
}
"""Paths below the base URL. `{model}` and `{id}` stand for the model's name and the job's id. Jobs of
`videos`, `seedance` and `kling.*` are at the path where they were created, followed by the id. `veo.fetch` is asked by
POST, with the operation's name in the body; with `{name}`, that whole name, or `{id}`, its last part, in it by GET."""

_PLACES = {"veo.generate": {"model"}, "veo.fetch": {"model", "name", "id"}, "videos.content": {"id"}}
_PLACE = re.compile(r"\{([^{}]*)\}")


def checked_paths(paths: Mapping[str, str] | None) -> dict[str, str]:
    """The default paths with the caller's in their place.

    Args:
        paths: The caller's, by the keys of `DEFAULT_PATHS`.

    Raises:
        ConfigurationError: A key is not known, or a path cannot be one.
    """
    whole = dict(DEFAULT_PATHS)
    for key, path in (paths or {}).items():
        if key not in whole:
            raise ConfigurationError(f"paths has no key {key!r}. Its keys are {', '.join(map(repr, DEFAULT_PATHS))}.")
        if not isinstance(path, str) or not re.fullmatch(r"/[^\s?#\\]+", path) or path.startswith("//"):
            raise ConfigurationError(
                f"paths[{key!r}] is {path!r}: it must be a path below base_url, such as {DEFAULT_PATHS[key]!r}."
            )
        if unknown := set(_PLACE.findall(path)) - _PLACES.get(key, set()):
            known = " and ".join(f"{{{name}}}" for name in sorted(_PLACES.get(key, set()))) or "nothing"
            raise ConfigurationError(f"paths[{key!r}] holds {{{min(unknown)}}}: only {known} can be filled in there.")
        whole[key] = path.rstrip("/")
    return whole


def filled(path: str, **names: str) -> str:
    """A path with names put in their places, each percent-encoded; that of `name`, part by part."""
    return _PLACE.sub(lambda found: encoded(names[found.group(1)], parts=found.group(1) == "name"), path)


def encoded(name: Any, *, parts: bool = False) -> str:
    """A job's id or a model's name as a part of a path. Ids are opaque, and from outside: they hold `:`, `/` and worse.

    Args:
        name: The id or name.
        parts: Whether it is several parts of a path, such as an operation's name.

    Raises:
        InvalidRequestError: It is empty, or would lead out of its place.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequestError(f"A job's id and a model's name are texts that are not empty; this is {name!r}.")
    pieces = name.split("/") if parts else [name]
    if any(piece in {"", ".", ".."} for piece in pieces):
        raise InvalidRequestError(f"{name!r} cannot be a job's id or a model's name: it would lead to another path.")
    try:
        return "/".join(quote(piece, safe="") for piece in pieces)
    except UnicodeEncodeError:
        raise InvalidRequestError("A job's id holds half a character, which no address can carry.") from None
