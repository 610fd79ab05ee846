"""Measures of what is large: long streams, arguments, images, many calls. Each in a process of its own."""

from __future__ import annotations

import base64
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from memory import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _langchain(url: str) -> Any:
    from langchain_tikhub import ChatTikHub

    return ChatTikHub(model="gpt-4o-mini", api="chat_completions", api_key="sk-bench", base_url=url)


def _core(url: str) -> tuple[Any, Any]:
    from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

    client = ChatClient(Settings(api_key="sk-bench", base_url=url), api="chat_completions")
    return client, ChatRequest("gpt-4o-mini", [Message("user", [Text("hi")])])


def _last(stream: Callable[[Any], Iterable[Any]], given: Any) -> Any:
    """Read a stream to its end; the last item has the whole answer."""
    return deque(stream(given), maxlen=1).pop()


def _image_sent(url: str, size: int) -> Callable[[], Any]:
    from langchain_core.messages import HumanMessage

    data = base64.b64encode(bytes(size)).decode()
    block = {"type": "image", "base64": data, "mime_type": "image/png"}
    model = _langchain(url)
    return lambda: model.invoke([HumanMessage([block])])


def large(url: str, kind: str, size: int, *, core: bool) -> dict[str, float]:
    """CPU milliseconds, and peak memory in MB, of one answer or request.

    Args:
        url: Of the server.
        kind: `chunks`, `argument`, `calls`, `image`, as the server has them, or `image sent`.
        size: How many, or bytes.
        core: The core's stream, which folds the answer; else that of ChatTikHub.
    """
    if kind == "image sent":
        work = _image_sent(url, size)
        _langchain(url).invoke("hi")
    elif kind == "image":
        model = _langchain(f"{url}/{kind}-{size}")
        _langchain(url).invoke("hi")
        work = partial(model.invoke, "hi")
    elif core:
        client, request = _core(f"{url}/{kind}-{size}")
        warm, same = _core(url)
        _last(warm.stream, same)
        work = partial(_last, client.stream, request)
    else:
        model = _langchain(f"{url}/{kind}-{size}")
        _last(_langchain(url).stream, "hi")
        work = partial(_last, model.stream, "hi")
    found = taken(work)
    return {"cpu": found.cpu * 1000, "memory": found.peak, "wall": found.wall}
