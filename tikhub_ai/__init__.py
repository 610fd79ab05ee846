"""The shared core of `langchain_tikhub` and `llama_index_tikhub`: one transport and one codec per wire API.

The names below load on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tikhub_ai._version import __version__

if TYPE_CHECKING:
    from tikhub_ai import replay
    from tikhub_ai.apis.due_calls import answer_naming, is_due
    from tikhub_ai.apis.embeddings import EmbeddingsReply
    from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
    from tikhub_ai.apis.messages.history import is_called_by_code
    from tikhub_ai.apis.tool_options import KNOWN as TOOL_OPTIONS
    from tikhub_ai.arguments import (
        NATIVE_ARGUMENTS,
        call_settings,
        constructor_arguments,
        field_named,
        hides_secrets,
        without_secrets,
    )
    from tikhub_ai.budget import Budget, budget_of
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.catalog import facts as model_facts
    from tikhub_ai.chat import ChatClient
    from tikhub_ai.chat_arguments import ChatArgumentsMixin
    from tikhub_ai.conversation import (
        AnyPart,
        ChatReply,
        ChatRequest,
        Choice,
        Citation,
        Document,
        Issuer,
        Media,
        MediaKind,
        Message,
        Opaque,
        Part,
        Reasoning,
        Refusal,
        ResponseFormat,
        Role,
        ServerToolCall,
        ServerToolResult,
        Text,
        Tool,
        ToolCall,
        ToolChoice,
        ToolResult,
        Usage,
        is_commentary,
        media_kind,
        text_of,
    )
    from tikhub_ai.deltas import (
        Accumulator,
        AudioDelta,
        CitationDelta,
        Delta,
        End,
        PartDelta,
        ReasoningDelta,
        RefusalDelta,
        TextDelta,
        ToolCallDelta,
    )
    from tikhub_ai.embedding_batches import EmbeddingsBatch
    from tikhub_ai.embedding_session import EmbeddingsSession
    from tikhub_ai.embeddings import EmbeddingsClient
    from tikhub_ai.errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ContentBlockedError,
        ContextWindowExceededError,
        DownloadError,
        IncompleteStreamError,
        IncompleteStreamWarning,
        InsufficientBalanceError,
        InvalidRequestError,
        InvalidResponseError,
        JobBlockedError,
        JobCancelledError,
        JobExpiredError,
        JobFailedError,
        JobTimeoutError,
        LostCreateError,
        MissingKeyError,
        ModelNotFoundError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        ResponseInfo,
        ServerError,
        TikHubAIError,
        TikHubAIWarning,
        warn,
    )
    from tikhub_ai.guard import GuardedStream, guarded
    from tikhub_ai.http.sources import FileSource
    from tikhub_ai.http.transport import Transport
    from tikhub_ai.models import ModelInfo, alist_models, list_models
    from tikhub_ai.passages import Passage, PassageReader
    from tikhub_ai.precedence import calls_a_copy, chat_request, for_a_call, merged, structure_of
    from tikhub_ai.routing import ChatAPI, choose_api, needs_of
    from tikhub_ai.secret_values import Key, SecretHeaders, seal
    from tikhub_ai.server_text import printable
    from tikhub_ai.settings import HeadersField, HttpBackend, KeyField, OnRetry, ProxyField, Retry, Settings, key_source
    from tikhub_ai.settings_mixin import SettingsMixin
    from tikhub_ai.strict_schemas import strict_schema
    from tikhub_ai.tool_choices import read_tool_choice
    from tikhub_ai.tool_forms import tool_dict, tools_of
    from tikhub_ai.transcript import Segment, Transcript, TranscriptEvent, Word
    from tikhub_ai.transcription import Transcriber, TranscriptionOptions
    from tikhub_ai.video_agent import VIDEO_TOOLS, VideoAgent, VideoAnswer, video_agent_of
    from tikhub_ai.video_families import VideoFamily
    from tikhub_ai.video_job import JobStatus, UnknownStatusWarning, VideoFile
    from tikhub_ai.video_jobs import VideoJob
    from tikhub_ai.videos import Videos
    from tikhub_ai.wire_answers import parts_of_wire

_HOMES = {
    "apis.jobs.paths": ("DEFAULT_PATHS",),
    "apis.messages.history": ("is_called_by_code",),
    "http.sources": ("FileSource",),
    "passages": ("Passage", "PassageReader",),
    "transcription": ("Transcriber", "TranscriptionOptions",),
    "video_agent": ("VIDEO_TOOLS", "VideoAgent", "VideoAnswer", "video_agent_of",),
    "video_jobs": ("VideoJob",),
    "videos": ("Videos",),
    "apis.due_calls": ("answer_naming", "is_due"),
    "apis.embeddings": ("EmbeddingsReply",),
    "apis.tool_options": ("TOOL_OPTIONS",),
    "catalog": ("ModelFacts", "model_facts"),
    "chat": ("ChatClient",),
    "routing": ("ChatAPI", "choose_api", "needs_of"),
    "conversation": (
        "AnyPart", "ChatReply", "ChatRequest", "Choice", "Citation", "Document", "Issuer", "Media", "MediaKind",
        "Message", "Opaque", "Part", "Reasoning", "Refusal", "ResponseFormat", "Role", "ServerToolCall",
        "ServerToolResult", "Text", "Tool", "ToolCall", "ToolChoice", "ToolResult", "Usage", "is_commentary",
        "media_kind", "text_of",
    ),
    "deltas": (
        "Accumulator", "AudioDelta", "CitationDelta", "Delta", "End", "PartDelta", "ReasoningDelta", "RefusalDelta",
        "TextDelta", "ToolCallDelta",
    ),
    "embedding_batches": ("EmbeddingsBatch",),
    "embedding_session": ("EmbeddingsSession",),
    "embeddings": ("EmbeddingsClient",),
    "errors": (
        "APIConnectionError", "APIStatusError", "APITimeoutError", "AuthenticationError", "BadRequestError",
        "ConfigurationError", "ContentBlockedError", "ContextWindowExceededError", "DownloadError",
        "IncompleteStreamError", "IncompleteStreamWarning", "InsufficientBalanceError", "InvalidRequestError",
        "InvalidResponseError", "JobBlockedError", "JobCancelledError", "JobExpiredError", "JobFailedError",
        "JobTimeoutError", "LostCreateError", "MissingKeyError", "ModelNotFoundError", "NotFoundError",
        "PermissionDeniedError", "RateLimitError", "ResponseInfo", "ServerError", "TikHubAIError", "TikHubAIWarning",
        "warn",
    ),
    "guard": ("GuardedStream", "guarded"),
    "settings_mixin": ("SettingsMixin",),
    "models": ("ModelInfo", "alist_models", "list_models"),
    "arguments": (
        "NATIVE_ARGUMENTS", "call_settings", "constructor_arguments", "field_named", "hides_secrets", "without_secrets",
    ),
    "chat_arguments": ("ChatArgumentsMixin",),
    "budget": ("Budget", "budget_of"),
    "precedence": ("calls_a_copy", "chat_request", "for_a_call", "merged", "structure_of"),
    "secret_values": ("Key", "SecretHeaders", "seal"),
    "strict_schemas": ("strict_schema",),
    "tool_choices": ("read_tool_choice",),
    "vendor_words": ("sdk_json",),
    "server_text": ("printable",),
    "settings": ("HeadersField", "HttpBackend", "KeyField", "OnRetry", "ProxyField", "Retry", "Settings", "key_source"),
    "http.transport": ("Transport",),
    "tool_forms": ("tool_dict", "tools_of"),
    "transcript": ("Segment", "Transcript", "TranscriptEvent", "Word"),
    "wire_answers": ("parts_of_wire",),
    "video_families": ("VideoFamily",),
    "video_job": ("JobStatus", "UnknownStatusWarning", "VideoFile"),
}  # fmt: skip
_MODULES = frozenset({"replay"})
"""Names that are modules: what is in them is for adapters, and reads best with the module's name before it."""
_NAMED_OTHERWISE = {"TOOL_OPTIONS": "KNOWN", "model_facts": "facts"}
"""Names that their own module has in fewer words."""
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_PATHS",
    "NATIVE_ARGUMENTS",
    "TOOL_OPTIONS",
    "VIDEO_TOOLS",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Accumulator",
    "AnyPart",
    "AudioDelta",
    "AuthenticationError",
    "BadRequestError",
    "Budget",
    "ChatAPI",
    "ChatArgumentsMixin",
    "ChatClient",
    "ChatReply",
    "ChatRequest",
    "Choice",
    "Citation",
    "CitationDelta",
    "ConfigurationError",
    "ContentBlockedError",
    "ContextWindowExceededError",
    "Delta",
    "Document",
    "DownloadError",
    "EmbeddingsBatch",
    "EmbeddingsClient",
    "EmbeddingsReply",
    "EmbeddingsSession",
    "End",
    "FileSource",
    "GuardedStream",
    "HeadersField",
    "HttpBackend",
    "IncompleteStreamError",
    "IncompleteStreamWarning",
    "InsufficientBalanceError",
    "InvalidRequestError",
    "InvalidResponseError",
    "Issuer",
    "JobBlockedError",
    "JobCancelledError",
    "JobExpiredError",
    "JobFailedError",
    "JobStatus",
    "JobTimeoutError",
    "Key",
    "KeyField",
    "LostCreateError",
    "Media",
    "MediaKind",
    "Message",
    "MissingKeyError",
    "ModelFacts",
    "ModelInfo",
    "ModelNotFoundError",
    "NotFoundError",
    "OnRetry",
    "Opaque",
    "Part",
    "PartDelta",
    "Passage",
    "PassageReader",
    "PermissionDeniedError",
    "ProxyField",
    "RateLimitError",
    "Reasoning",
    "ReasoningDelta",
    "Refusal",
    "RefusalDelta",
    "ResponseFormat",
    "ResponseInfo",
    "Retry",
    "Role",
    "SecretHeaders",
    "Segment",
    "ServerError",
    "ServerToolCall",
    "ServerToolResult",
    "Settings",
    "SettingsMixin",
    "Text",
    "TextDelta",
    "TikHubAIError",
    "TikHubAIWarning",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolChoice",
    "ToolResult",
    "Transcriber",
    "Transcript",
    "TranscriptEvent",
    "TranscriptionOptions",
    "Transport",
    "UnknownStatusWarning",
    "Usage",
    "VideoAgent",
    "VideoAnswer",
    "VideoFamily",
    "VideoFile",
    "VideoJob",
    "Videos",
    "Word",
    "__version__",
    "alist_models",
    "answer_naming",
    "budget_of",
    "call_settings",
    "calls_a_copy",
    "chat_request",
    "choose_api",
    "constructor_arguments",
    "field_named",
    "for_a_call",
    "guarded",
    "hides_secrets",
    "is_called_by_code",
    "is_commentary",
    "is_due",
    "key_source",
    "list_models",
    "media_kind",
    "merged",
    "model_facts",
    "needs_of",
    "parts_of_wire",
    "printable",
    "read_tool_choice",
    "replay",
    "seal",
    "strict_schema",
    "structure_of",
    "text_of",
    "tool_dict",
    "tools_of",
    "video_agent_of",
    "warn",
    "without_secrets",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), _NAMED_OTHERWISE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
