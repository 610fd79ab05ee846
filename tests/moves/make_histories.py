"""Histories as the vendors' own classes make them, and what these send when ours are given to them.

Run it from the repository's root with a Python that has the classes; each writes what it has:

    python -m venv .venv-langchain
    .venv-langchain/bin/pip install -e . --only-binary :all: \\
        langchain-openai langchain-anthropic langchain-google-genai langchain-deepseek
    .venv-langchain/bin/python -m tests.moves.make_histories

and the same with `llama-index-llms-openai llama-index-llms-anthropic llama-index-llms-google-genai "anthropic<1"`,
since LlamaIndex's Anthropic class does not work with later versions of the SDK. The classes talk to a server on
loopback that answers as the providers do (see `wires`). Written are `histories/*.json`, and `onward.json`: for each of
our histories and each class of theirs, the body that it sends.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.moves import wires
from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
KEY = "sk-none"
VENDORS_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "DEEPSEEK_API_KEY", "GEMINI_API_KEY")


def versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


# --- LangChain ------------------------------------------------------------------------------------------------------


def langchain_classes() -> dict[str, tuple[str, str, list[str | None], Callable[[str, str | None], Any]]]:
    """By name: the target that it speaks to, its package, the output versions worth having, and how it is made."""
    from langchain_anthropic import ChatAnthropic
    from langchain_deepseek import ChatDeepSeek
    from langchain_google_genai import ChatGoogleGenerativeAI
    from langchain_openai import ChatOpenAI

    models = wires.MODELS

    def chat(url: str, form: str | None) -> Any:
        return ChatOpenAI(
            model=models["chat_completions"], base_url=f"{url}/v1", api_key=KEY, max_retries=0, output_version=form
        )

    def responses(url: str, form: str | None) -> Any:
        return ChatOpenAI(
            model=models["responses"],
            base_url=f"{url}/v1",
            api_key=KEY,
            max_retries=0,
            use_responses_api=True,
            store=False,
            include=["reasoning.encrypted_content"],
            output_version=form,
        )

    def claude(url: str, form: str | None) -> Any:
        return ChatAnthropic(
            model=models["messages"],
            base_url=url,
            api_key=KEY,
            max_retries=0,
            max_tokens=4096,
            thinking={"type": "enabled", "budget_tokens": 1024},
            output_version=form,
        )

    def gemini(url: str, form: str | None) -> Any:
        return ChatGoogleGenerativeAI(
            model=models["generate_content"],
            base_url=url,
            google_api_key=KEY,
            max_retries=1,
            include_thoughts=True,
            output_version=form,
        )

    def deepseek(url: str, form: str | None) -> Any:
        return ChatDeepSeek(
            model=models["deepseek"], base_url=f"{url}/v1", api_key=KEY, max_retries=0, output_version=form
        )

    return {
        "ChatOpenAI": ("chat_completions", "langchain-openai", [None, "v1"], chat),
        "ChatOpenAI-responses": ("responses", "langchain-openai", [None, "v0", "v1"], responses),
        "ChatAnthropic": ("messages", "langchain-anthropic", [None, "v1"], claude),
        "ChatGoogleGenerativeAI": ("generate_content", "langchain-google-genai", [None, "v1"], gemini),
        "ChatDeepSeek": ("deepseek", "langchain-deepseek", [None, "v1"], deepseek),
    }


def langchain_history(ask: Callable[[list[Any]], Any]) -> list[Any]:
    """The conversation, with the answers of a model."""
    from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{wires.PNG}"}}
    said: list[Any] = [
        SystemMessage(wires.SYSTEM),
        HumanMessage([{"type": "text", "text": wires.QUESTION}, image]),
    ]
    said.append(ask(said))
    first, second = said[-1].tool_calls
    said.append(ToolMessage(wires.RESULT, tool_call_id=first["id"], name="weather"))
    said.append(ToolMessage(wires.FAILURE, tool_call_id=second["id"], name="weather", status="error"))
    said.append(ask(said))
    said.append(HumanMessage(wires.SECOND_QUESTION))
    said.append(ask(said))
    return said


def langchain_asker(llm: Any, *, streams: bool) -> Any:
    if not streams:
        return llm.invoke

    def ask(said: list[Any]) -> Any:
        first, *rest = llm.stream(said)
        for chunk in rest:
            first += chunk
        return first

    return ask


def langchain_histories() -> Iterator[tuple[str, dict[str, str], Any]]:
    from langchain_core.messages import messages_to_dict

    for name, (target, package, forms, make) in langchain_classes().items():
        for form in forms:
            for streams in (False, True):
                with ScriptedServer() as server:
                    server.answer = wires.provider(target)
                    said = langchain_history(langchain_asker(make(server.url, form), streams=streams))
                variant = "-".join(["stream" if streams else "plain", *([form] if form else [])])
                yield f"langchain-{name}-{variant}", versions("langchain-core", package), messages_to_dict(said)


def our_langchain_histories() -> Iterator[tuple[str, list[Any]]]:
    """Histories of ChatTikHub on each of its APIs."""
    from langchain_tikhub import ChatTikHub

    for target, model in wires.MODELS.items():
        for form in (None, "v1"):
            for streams in (False, True):
                with ScriptedServer() as server:
                    server.answer = wires.provider(target)
                    llm = ChatTikHub(
                        model=model, api=wires.api_of(target), api_key=KEY, base_url=server.url, output_version=form
                    )
                    said = langchain_history(langchain_asker(llm, streams=streams))
                variant = "-".join(["stream" if streams else "plain", *([form] if form else [])])
                yield f"{target}-{variant}", said


def _ask_langchain(make: Callable[[str, str | None], Any], messages: list[Any], url: str) -> Any:
    return make(url, None).invoke(messages)


def langchain_onward() -> Iterator[dict[str, Any]]:
    from langchain_core.messages import HumanMessage

    for history, said in our_langchain_histories():
        for name, (target, package, _, make) in langchain_classes().items():
            yield {
                "framework": "langchain",
                "history": history,
                "class": name,
                "versions": versions("langchain-core", package),
                **_sent(target, partial(_ask_langchain, make, [*said, HumanMessage(wires.THIRD_QUESTION)])),
            }


# --- LlamaIndex -----------------------------------------------------------------------------------------------------


def llama_index_classes() -> dict[str, tuple[str, str, Callable[[str], Any]]]:
    from google.genai import types
    from llama_index.llms.anthropic import Anthropic
    from llama_index.llms.google_genai import GoogleGenAI
    from llama_index.llms.openai import OpenAI, OpenAIResponses

    models = wires.MODELS

    def gemini(url: str) -> Any:
        return GoogleGenAI(
            model=models["generate_content"],
            api_key=KEY,
            max_retries=0,
            max_tokens=1000,
            context_window=100_000,
            http_options=types.HttpOptions(base_url=url),
        )

    return {
        "OpenAI": (
            "chat_completions",
            "llama-index-llms-openai",
            lambda url: OpenAI(model=models["chat_completions"], api_base=f"{url}/v1", api_key=KEY, max_retries=0),
        ),
        "OpenAIResponses": (
            "responses",
            "llama-index-llms-openai",
            lambda url: OpenAIResponses(
                model=models["responses"],
                api_base=f"{url}/v1",
                api_key=KEY,
                max_retries=0,
                store=False,
                include=["reasoning.encrypted_content"],
            ),
        ),
        "Anthropic": (
            "messages",
            "llama-index-llms-anthropic",
            lambda url: Anthropic(
                model=models["messages"],
                base_url=url,
                api_key=KEY,
                max_retries=0,
                max_tokens=4096,
                temperature=1.0,
                thinking_dict={"type": "enabled", "budget_tokens": 1024},
            ),
        ),
        "GoogleGenAI": ("generate_content", "llama-index-llms-google-genai", gemini),
    }


def llama_index_history(llm: Any, *, streams: bool) -> list[Any]:
    from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

    image = ImageBlock(image=wires.PNG.encode(), image_mimetype="image/png")
    said = [
        ChatMessage(role="system", content=wires.SYSTEM),
        ChatMessage(role="user", blocks=[TextBlock(text=wires.QUESTION), image]),
    ]

    def ask() -> Any:
        if not streams:
            return llm.chat(said)
        answer = None
        for answer in llm.stream_chat(said):  # noqa: B007 - the last one is the answer
            pass
        return answer

    answer = ask()
    said.append(answer.message)
    calls = llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
    for call, content in zip(calls, (wires.RESULT, wires.FAILURE), strict=True):
        more = {"tool_call_id": call.tool_id, "name": call.tool_name}
        said.append(ChatMessage(role="tool", content=content, additional_kwargs=more))
    said.append(ask().message)
    said.append(ChatMessage(role="user", content=wires.SECOND_QUESTION))
    said.append(ask().message)
    return said


def llama_index_histories() -> Iterator[tuple[str, dict[str, str], Any]]:
    for name, (target, package, make) in llama_index_classes().items():
        for streams in (False, True):
            with ScriptedServer() as server:
                server.answer = wires.provider(target)
                said = llama_index_history(make(server.url), streams=streams)
            dumped = [message.model_dump(mode="json") for message in said]
            found = versions("llama-index-core", package, "anthropic")
            if name != "Anthropic":
                found.pop("anthropic", None)
            yield f"llama_index-{name}-{'stream' if streams else 'plain'}", found, dumped


def our_llama_index_histories() -> Iterator[tuple[str, list[Any]]]:
    from llama_index_tikhub import TikHub

    for target, model in wires.MODELS.items():
        for streams in (False, True):
            with ScriptedServer() as server:
                server.answer = wires.provider(target)
                llm = TikHub(model, api=wires.api_of(target), api_key=KEY, base_url=server.url)
                yield f"{target}-{'stream' if streams else 'plain'}", llama_index_history(llm, streams=streams)


def _ask_llama_index(make: Callable[[str], Any], messages: list[Any], url: str) -> Any:
    return make(url).chat(messages)


def llama_index_onward() -> Iterator[dict[str, Any]]:
    from llama_index.core.base.llms.types import ChatMessage, CitationBlock

    question = ChatMessage(role="user", content=wires.THIRD_QUESTION)
    for history, said in our_llama_index_histories():
        for name, (target, package, make) in llama_index_classes().items():
            fresh = [message.model_copy(deep=True) for message in said]  # these classes change what they are given
            if name != "Anthropic":  # the others raise at a CitationBlock, whichever class made it: see docs/moves.md
                for message in fresh:
                    message.blocks = [block for block in message.blocks if not isinstance(block, CitationBlock)]
            yield {
                "framework": "llama_index",
                "history": history,
                "class": name,
                "versions": versions("llama-index-core", package),
                **_sent(target, partial(_ask_llama_index, make, [*fresh, question])),
            }


# --- both -----------------------------------------------------------------------------------------------------------


def _sent(target: str, ask: Callable[[str], Any]) -> dict[str, Any]:
    """What a class sends, and how often it warns; or how it fails before it sends anything."""
    with ScriptedServer() as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        server.answer = answering = wires.provider(target, first=3)
        try:
            ask(server.url)
            error = None
        except Exception as failure:  # noqa: BLE001 - whatever it is, it goes into the table
            error = f"{type(failure).__name__}: {str(failure)[:200]}"
        said = [f"{one.category.__name__}: {one.message}" for one in caught]
    body = answering.bodies[0] if answering.bodies else None
    path = answering.paths[0] if answering.paths else None
    out: dict[str, Any] = {"target": target, "path": path, "warnings": said, "body": body}
    return out | ({"error": error} if error else {})


def _clean(text: str) -> str:
    """The same without what tells of this machine."""
    for private in (str(Path.cwd()), str(Path.home()), sys.prefix):
        if private in text and len(private) > 1:
            text = text.replace(private, ".")
    assert KEY not in text
    return text


def _write(path: Path, text: str) -> None:
    path.write_text(_clean(text))
    print(path.relative_to(HERE))  # noqa: T201 - a command: it says what it wrote


def main() -> None:
    """Write what this environment's classes make."""
    for name in VENDORS_KEYS:
        os.environ.pop(name, None)
    made: list[Iterator[tuple[str, dict[str, str], Any]]] = []
    onward: list[Iterator[dict[str, Any]]] = []
    if find_spec("langchain_openai"):
        made.append(langchain_histories())
        onward.append(langchain_onward())
    if find_spec("llama_index") and find_spec("llama_index.llms"):
        made.append(llama_index_histories())
        onward.append(llama_index_onward())
    day = datetime.now(UTC).date().isoformat()
    for histories in made:
        for name, found, messages in histories:
            document = {"made": day, "versions": found, "messages": messages}
            _write(HERE / "histories" / f"{name}.json", json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    stored = HERE / "onward.json"
    rows = json.loads(stored.read_text())["rows"] if stored.is_file() else []
    for results in onward:
        fresh = list(results)
        rows = [row for row in rows if row["framework"] != fresh[0]["framework"]] + fresh
    lines = [json.dumps(row, ensure_ascii=False) for row in sorted(rows, key=lambda row: str(row["framework"]))]
    _write(stored, "\n".join([f'{{"made": "{day}", "rows": [', ",\n".join(lines), "]}", ""]))  # one line a row


if __name__ == "__main__":
    main()
