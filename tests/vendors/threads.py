"""Threads that the vendors' classes begin over recorded traffic: what must go back goes back from ours as from theirs.

Each recorded answer (../shared/wire) is given to the vendor's own class, plain or streamed, in each of its output
versions. The message that it makes goes through JSON, as from a checkpoint, and the thread goes on twice: with that
class and with ChatTikHub, each with the same model. Compared is all state in the two bodies.

    threads.py REPORT [PACKAGE...]      writes the records as JSON
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import (
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
)
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

from langchain_tikhub import ChatTikHub
from tests.scripted_server import Answer, ScriptedServer
from tests.wire.recordings import WIRE, exchanges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import AIMessage, BaseMessage

    from tests.scripted_server import Request
    from tests.wire.recordings import Exchange

KEY = "sk-none"
STATE = frozenset(
    {"signature", "data", "thoughtSignature", "encrypted_content", "encrypted_index", "phase", "namespace", "caller",
     "toolset_name"}
)  # fmt: skip
"""Fields of the wires that hold what must go back."""
NOT_STATE = frozenset({"inlineData", "source"})
"""Objects in which a field of these names holds a file."""
OK: dict[str, Any] = {
    "messages": {
        "id": "m", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": "ok"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "responses": {
        "id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "gpt", "tools": [],
        "parallel_tool_calls": True, "tool_choice": "auto", "output": [],
    },
    "generate_content": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP"}],
    },
}  # fmt: skip


class Theirs(NamedTuple):
    """A vendor's class: its package, its API, its output versions, and how it is made."""

    package: str
    api: str
    model: str
    forms: tuple[str | None, ...]
    make: Callable[[str, str, str | None], Any]


def claude(model: str, url: str, form: str | None) -> Any:
    return ChatAnthropic(model=model, base_url=url, api_key=KEY, max_retries=0, max_tokens=100, output_version=form)


def gpt(model: str, url: str, form: str | None) -> Any:
    return ChatOpenAI(
        model=model, base_url=f"{url}/v1", api_key=KEY, max_retries=0, use_responses_api=True, store=False,
        output_version=form,
    )  # fmt: skip


def gemini(model: str, url: str, form: str | None) -> Any:
    return ChatGoogleGenerativeAI(model=model, base_url=url, google_api_key=KEY, max_retries=1, output_version=form)


CLASSES = (
    Theirs("langchain_anthropic", "messages", "claude-sonnet-4-5", (None, "v1"), claude),
    Theirs("langchain_openai", "responses", "gpt-5", (None, "v0", "v1"), gpt),
    Theirs("langchain_google_genai", "generate_content", "gemini-2.5-pro", (None, "v1"), gemini),
)


def begun(llm: Any, *, streams: bool) -> AIMessage:
    """The class's message, as it comes back from a checkpoint."""
    if streams:
        first, *rest = llm.stream("hi")
        for chunk in rest:
            first += chunk
        message = message_chunk_to_message(first)
    else:
        message = llm.invoke("hi")
    (back,) = messages_from_dict(json.loads(json.dumps(messages_to_dict([message]), default=lambda _: None)))
    return back  # type: ignore[return-value]  # an answer comes back as one


def sent(api: str, make: Callable[[str], Any], history: list[BaseMessage]) -> Any:
    """The body that a class sends."""
    bodies: list[Any] = []

    def answer(request: Request) -> Answer:
        bodies.append(request.json())
        return Answer(OK[api])

    with ScriptedServer() as server:
        server.answer = answer
        make(server.url).invoke(history)
    return bodies[0]


def state_in(value: Any) -> Iterator[tuple[str, str]]:
    """All state in a body: the field, and what it holds. Google's SDK writes base64 for addresses."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in STATE and item:
                yield name, json.dumps(item, sort_keys=True).replace("-", "+").replace("_", "/")
            elif name not in NOT_STATE:
                yield from state_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from state_in(item)


def lost(theirs: Theirs, exchange: Exchange, form: str | None) -> str | None:
    """What their class sends back of an answer and ours does not; None where theirs cannot read or go on with it."""
    model = str(exchange.request.get("model") or theirs.model)
    kind = exchange.headers.get("content-type", "application/json")
    try:
        with ScriptedServer() as server:
            server.answer = lambda _: Answer(exchange.body, headers={"content-type": kind})
            message = begun(theirs.make(model, server.url, form), streams=exchange.is_stream)
        results: list[BaseMessage] = [ToolMessage("ok", tool_call_id=call["id"] or "") for call in message.tool_calls]
        history: list[BaseMessage] = [HumanMessage("hi"), message, *(results or [HumanMessage("And?")])]
        wanted = sent(theirs.api, lambda url: theirs.make(model, url, None), history)
    except Exception:  # noqa: BLE001 - whatever their class makes of it, there is no thread to go on with
        return None
    ours = {"model": model, "api": theirs.api, "api_key": KEY, "max_retries": 0, "max_tokens": 100}
    got = sent(theirs.api, lambda url: ChatTikHub(**ours, base_url=url), history)
    missing = Counter(state_in(wanted)) - Counter(state_in(got))
    return ", ".join(f"{name} {text[:40]}" for name, text in missing)


def main(report: str, *packages: str) -> None:
    """Write the records."""
    records: list[dict[str, Any]] = []
    for theirs in CLASSES if WIRE.is_dir() else ():
        if packages and theirs.package not in packages:
            continue
        for param in exchanges(theirs.api, "answer"):
            for form in theirs.forms:
                if (missing := lost(theirs, param.values[0], form)) is not None:
                    test = f"{param.id}[{form or 'default'}]"
                    records.append(
                        {
                            "package": theirs.package,
                            "kind": "thread",
                            "test": test,
                            "api": theirs.api,
                            "outcome": "failed" if missing else "passed",
                            "error": f"not sent back: {missing}" if missing else "",
                            "where": "",
                        }
                    )
    Path(report).write_text(json.dumps(records))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
