"""docs/operations.md names every documented operation and schema, things that exist, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import langchain_tikhub
import llama_index_tikhub
import tikhub_ai

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
OPERATIONS = """
OpenAI response, OpenAI embeddings, OpenAI audio transcription, OpenAI chat completion, Claude chat completion,
Claude message, DeepSeek chat completion, Sora video generation, Get Sora video status, Download Sora video content,
Remix Sora video, List Sora videos, Delete Sora video, Gemini content, Seedance video generation,
Retrieve Seedance task, Kling text-to-video, Retrieve Kling text-to-video task, Kling image-to-video,
Retrieve Kling image-to-video task, Veo video generation, Fetch Veo video generation status
"""
SCHEMAS = """
ChatCompletionRequest, ChatMessage, Tool, ToolCall, ChatCompletionResponse, ChatCompletionChoice, ContentFilterResults,
UsageInfo, EmbeddingRequest, EmbeddingResponse, TranscriptionRequest, TranscriptionResponse, ClaudeMessageRequest,
ClaudeMessageResponse, VideoCreateRequest, VideoResponse, VideoRemixRequest, GeminiGenerateContentRequest,
VideoListResponse, GeminiContent, VideoDeleteResponse, GeminiGenerationConfig, ResponseRequest,
GeminiGenerateContentResponse, ResponseObject, SeedanceTaskRequest, SeedanceTaskCreateResponse, SeedanceTaskResponse,
KlingText2VideoRequest, KlingImage2VideoRequest, KlingTaskResponse, KlingTaskDetailResponse, KlingTaskListResponse,
VeoGenerateRequest, VeoOperationResponse, VeoFetchOperationRequest, VeoFetchOperationResponse
"""
"""Both as the navigation of the gateway's documentation (ai-docs.tikhub.io) lists them."""


def listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def rows(title: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def found(package: Any, dotted: str) -> Any:
    """What a name of a package's public names is; a field of a dataclass counts."""
    name, *rest = dotted.split(".")
    assert name in package.__all__, dotted
    value = getattr(package, name)
    for part in rest:
        value = (
            value.__dataclass_fields__[part]
            if part in getattr(value, "__dataclass_fields__", ())
            else getattr(value, part)
        )
    return value


def test_the_22_operations_are_all_there_and_no_other() -> None:
    assert [row[0] for row in rows("Operations")] == listed(OPERATIONS)
    assert len(listed(OPERATIONS)) == 22


def test_the_37_schemas_are_all_there_and_no_other() -> None:
    assert [row[0] for row in rows("Schemas")] == listed(SCHEMAS)
    assert len(listed(SCHEMAS)) == 37


def test_every_call_and_type_exists() -> None:
    for _, _, core, langchain, llama_index, _ in rows("Operations"):
        for package, cell in ((tikhub_ai, core), (langchain_tikhub, langchain), (llama_index_tikhub, llama_index)):
            for name in names_in(cell):
                assert found(package, name) is not None
        assert names_in(core)
    for _, here, _ in rows("Schemas"):
        for name in names_in(here):
            assert found(tikhub_ai, name) is not None


def test_every_call_of_the_core_has_its_async_twin() -> None:
    for _, _, core, *_ in rows("Operations"):
        owner, _, method = names_in(core)[0].rpartition(".")
        assert found(tikhub_ai, f"{owner}.a{method}") is not None


def test_every_test_exists_and_every_path_is_the_one_that_is_asked() -> None:
    for row in [*rows("Operations"), *rows("Schemas")]:
        [test] = names_in(row[-1])
        assert re.search(r"^(?:async )?def test_", (ROOT / test).read_text(), re.MULTILINE), test
    defaults = set(tikhub_ai.DEFAULT_PATHS.values())
    for _, wire, *_ in rows("Operations"):
        method, _, path = names_in(wire)[0].partition(" ")
        assert method in {"GET", "POST", "DELETE"}
        if "/videos" in path or "seedance" in path or "predict" in path.lower() or "audio" in path:
            assert any(path == default or path.startswith(f"{default}/") for default in defaults), path
