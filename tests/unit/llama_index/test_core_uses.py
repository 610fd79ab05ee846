"""What llama-index-core itself asks of its LLM and its embeddings: the keywords that it gives, and its extractors."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llama_index.core
import pytest
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor
from llama_index.core.schema import TextNode

from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scripted_server import Answer
from tikhub_ai import BadRequestError, TikHubAIWarning
from tikhub_ai.arguments import STRUCTURE_WORDS, chat_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripted_server import ScriptedServer

PLAIN = ("chat", "stream_chat", "complete", "stream_complete", "chat_with_tools", "stream_chat_with_tools",
         "predict_and_call", "get_tool_calls_from_response", "_prepare_chat_with_tools", "get_query_embedding",
         "get_text_embedding", "get_text_embedding_batch", "get_agg_embedding_from_queries")  # fmt: skip
"""The methods whose keywords are options. Those of `predict` and the like are variables of a template."""
METHODS = {name for plain in PLAIN for name in (plain, f"a{plain}")}
OF_A_CALL = chat_arguments() | STRUCTURE_WORDS | {"extra_headers", "timeout", "api_key"}
MODELS = {"chat_completions": "gpt-4o", "responses": "gpt-5", "messages": "claude-sonnet-4-5",
          "generate_content": "gemini-2.5-pro"}  # fmt: skip


def calls_in_core() -> Iterator[tuple[str, ast.Call]]:
    for path in Path(llama_index.core.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                yield node.func.attr, node


def test_every_keyword_that_core_gives_is_one_that_we_take() -> None:
    """By any of its own calls of an LLM or an embedding: none goes to the wire as an unknown field."""
    given: dict[str, set[str]] = defaultdict(set)
    for method, call in calls_in_core():
        given[method].update(keyword.arg for keyword in call.keywords if keyword.arg)
    assert given["achat"] >= {"extra_headers", "max_tokens"}, "of the DocumentContextExtractor"
    for method, names in given.items():
        owner = TikHub if hasattr(TikHub, method) else TikHubEmbedding
        named = set(inspect.signature(getattr(owner, method)).parameters) | {"prompt", "formatted"}
        prepared = set(inspect.signature(TikHub._prepare_chat_with_tools).parameters) if "tools" in named else set()
        assert names <= named | prepared | OF_A_CALL, method


@pytest.mark.parametrize("api", MODELS)
@pytest.mark.parametrize("properties", [None, ["born", "died"]])
async def test_cores_path_extractor_asks_for_what_it_reads(
    api: str, properties: list[str] | None, server: ScriptedServer
) -> None:
    """Its properties are a dict, which a strict grammar cannot hold: it is asked for another way, and not emptied."""
    server.answer = lambda _: Answer({"error": {"message": "no"}}, 400)
    llm = TikHub(MODELS[api], api=api, api_key="sk-1", base_url=server.url, max_retries=0)
    extractor = SchemaLLMPathExtractor(
        llm=llm, possible_entity_props=properties, possible_relation_props=properties, num_workers=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", TikHubAIWarning)
        with pytest.raises(BadRequestError):
            await extractor.acall([TextNode(text="Ada was born in London.")])
    body = server.requests[0].json()
    found = list(_dicts_of(body, "properties"))
    assert bool(found) == (properties is not None)
    for schema in found:
        assert schema["anyOf"][0].get("type") == "object"
        assert schema["anyOf"][0].get("additionalProperties") is not False


def _dicts_of(value: Any, name: str) -> Iterator[dict[str, Any]]:
    """The schemas of a field of that name, wherever a class has one."""
    if isinstance(value, dict):
        fields = value.get("properties")
        if isinstance(fields, dict) and isinstance(fields.get(name), dict) and "anyOf" in fields[name]:
            yield fields[name]
        for item in value.values():
            yield from _dicts_of(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _dicts_of(item, name)
