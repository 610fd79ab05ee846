"""What the vendors' own classes call things that are called otherwise here, or that have nothing to do here.

A word of theirs becomes arguments of ours (`use_responses_api=True` is `api="responses"`), is left out with the reason
(it concerned the vendor's client), or is refused by name. None of them reaches the wire, which knows none. Names that
only differ (`max_output_tokens`) stand in `arguments`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

from pydantic import BaseModel, TypeAdapter

from tikhub_ai.errors import ConfigurationError, warn
from tikhub_ai.google_schema import json_schema_of
from tikhub_ai.secret_values import SecretHeaders, fields_of

_AS_THEY_ARE = "texts are sent as they are"
_NO_SDK = "the vendor's SDK is not used; http_client and http_async_client are clients of your own"
_ONE_KEY = "the gateway takes its own key, at one address"
_WHOLE = "every request holds the whole conversation; previous_response_id may be given with a call"
_OWN_CLIENT = "http_client=httpx.Client(...) is a client of your own, with whatever arguments it needs"
_AZURE = "it is Azure's, and the gateway has one version of each API"

_OF_GOOGLES_SDK = {
    "automatic_continuation": "an answer that is to be continued says so by its finish reason",
    "automatic_function_calling": "functions are run by your agent",
    "should_return_http_response": "include_response_headers=True keeps the headers of a response",
}

NEEDLESS: dict[str, str | None] = {
    **_OF_GOOGLES_SDK,
    "async_openai_client": _NO_SDK,
    "is_chat_model": None,
    "openai_client": _NO_SDK,
    "rate_limiter": "this version of llama-index-core does not know it: update llama-index-core",
    "reuse_client": None,
    "tokenizer": "tokens are counted without one",
    "verbose": None,
    "allowed_special": _AS_THEY_ARE,
    "check_embedding_ctx_length": _AS_THEY_ARE,
    "disallowed_special": _AS_THEY_ARE,
    "embedding_ctx_length": _AS_THEY_ARE,
    "skip_empty": _AS_THEY_ARE,
    "tiktoken_enabled": _AS_THEY_ARE,
    "tiktoken_model_name": "tokens are counted without tiktoken",
    "client": _NO_SDK,
    "async_client": _NO_SDK,
    "root_client": _NO_SDK,
    "root_async_client": _NO_SDK,
    "async_client_running": _NO_SDK,
    "default_query": "http_client=httpx.Client(params=...) adds a query to every address",
    "http_socket_options": "sockets are kept alive; http_client is a client of your own",
    "disabled_params": "what a model refuses is known, and left out with a warning",
    "stream_chunk_timeout": "timeout bounds the silence between two events of a stream, too",
    "use_previous_response_id": _WHOLE,
    "track_previous_responses": _WHOLE,
    "retry_min_seconds": "waits grow from half a second, or are what the server asks for",
    "retry_max_seconds": "retry_deadline bounds the time after which nothing is sent again",
    "convert_system_message_to_human": "every Gemini of today takes a system prompt",
    "transport": "there is one transport, HTTP",
    "credentials": _ONE_KEY,
    "google_cloud_options": _ONE_KEY,
    "location": _ONE_KEY,
    "project": _ONE_KEY,
    "project_id": _ONE_KEY,
    "region": _ONE_KEY,
    "vertexai": _ONE_KEY,
    "vertexai_config": _ONE_KEY,
    "use_vertexai": _ONE_KEY,
    "debug_config": "it records the vendor's SDK, which is not used",
    "mode": "models of today embed for every use alike",
    "file_mode": "files travel in the request",
    "deployment": "model names the model",
    "openai_api_type": _AZURE,
    "openai_api_version": _AZURE,
    "azure_deployment": _AZURE,
    "azure_endpoint": _AZURE,
    "azure_ad_token": _ONE_KEY,
    "azure_ad_token_provider": _ONE_KEY,
    **dict.fromkeys(
        ("aws_access_key", "aws_access_key_id", "aws_profile", "aws_region", "aws_secret_access_key", "aws_secret_key",
         "aws_session_token"), _ONE_KEY
    ),
}  # fmt: skip
"""Words that have nothing to do here, and why, where somebody may miss their effect. Never sent, unless a class has a
field of that name."""

ONLY_EMBEDDINGS: dict[str, str] = {"api_version": _AZURE}
"""Likewise for the embeddings' classes alone, since the chat classes have an argument of this name."""

SWITCHED_OFF = {
    "is_chat_model": "every model of the gateway is called by chat",
    "reuse_client": "connections are shared by all calls, among threads and event loops too",
}
"""Words that ask for something where they are False, and why it has no effect."""

Meaning: TypeAlias = Callable[[Any], Mapping[str, Any]]


# --- theirs and ours ------------------------------------------------------------------------------------------------


def _api(said: Any) -> dict[str, Any]:
    return {"api": "responses" if said else "chat_completions"}


def _organization(said: Any) -> dict[str, Any]:
    return {"extra_headers": SecretHeaders({"OpenAI-Organization": str(said)})}


def _metadata(said: Any) -> dict[str, Any]:
    """Metadata of gRPC, which are headers: pairs, or a mapping."""
    try:
        return {"extra_headers": SecretHeaders({str(name): str(value) for name, value in dict(said).items()})}
    except (TypeError, ValueError):
        raise ConfigurationError("default_metadata must be pairs of a header's name and value.") from None


def _thinking_config(said: Any) -> dict[str, Any]:
    config = _fields("thinking_config", said)
    known = {name: config.pop(name) for name in ("thinking_budget", "thinking_level", "include_thoughts")
             if name in config}  # fmt: skip
    if isinstance(level := known.get("thinking_level"), str):
        known["thinking_level"] = str(level.value if isinstance(level, Enum) else level).lower()
    return known | _rest_of_config({"thinkingConfig": _camelised(config)} if config else {})


_OTHERWISE_IN_CONFIG = {"response_logprobs": "logprobs", "logprobs": "top_logprobs"}
_ARGUMENTS_OF_CONFIG = frozenset(
    {"temperature", "top_p", "top_k", "max_output_tokens", "stop_sequences", "candidate_count", "seed", "logprobs",
     "response_logprobs", "presence_penalty", "frequency_penalty", "thinking_config", "thinking_budget",
     "thinking_level", "include_thoughts", "response_modalities", "media_resolution", "speech_config", "image_config",
     "safety_settings", "cached_content", "labels", "tools", "http_options", "response_mime_type", "response_schema",
     "response_json_schema"}
)  # fmt: skip
_IN_THE_BODY = frozenset({"tool_config"})


def _generation_config(said: Any) -> dict[str, Any]:
    """Google's object: its fields are arguments here; those that are not are sent as they are."""
    config = _fields("generation_config", said)
    if "system_instruction" in config:
        raise ConfigurationError("generation_config holds system_instruction: give it as a system message.")
    for name in _OF_GOOGLES_SDK.keys() & config.keys():
        if config.pop(name) is not None:
            warn(f"generation_config.{name} concerns Google's SDK: {_OF_GOOGLES_SDK[name]}.")
    ours = {
        _OTHERWISE_IN_CONFIG.get(name, name): value for name, value in config.items() if name in _ARGUMENTS_OF_CONFIG
    }
    ours = in_our_words(ours)
    body = {name: config.pop(name) for name in _IN_THE_BODY & config.keys()}
    rest = {name: value for name, value in config.items() if name not in _ARGUMENTS_OF_CONFIG}
    return _beside(ours, _rest_of_config(_camelised(rest)) if rest else {}, {"extra_body": _camelised(body)})


def _rest_of_config(fields: dict[str, Any]) -> dict[str, Any]:
    return {"extra_body": {"generationConfig": fields}} if fields else {}


def _mime_type(said: Any) -> dict[str, Any]:
    match said:
        case "application/json":
            return {"response_format": {"type": "json_object"}}
        case "text/plain":
            return {}
    return _rest_of_config({"responseMimeType": said})


def _schema(said: Any) -> dict[str, Any]:
    if isinstance(said, type) and issubclass(said, BaseModel):
        return {"response_format": said}
    schema = json_schema_of(sdk_json(said)) if isinstance(said, (Mapping, BaseModel)) else _schema_of_type(said)
    name = str(schema.get("title") or "response")
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}}


def _schema_of_type(said: Any) -> dict[str, Any]:
    try:
        return TypeAdapter(said).json_schema()
    except Exception:  # noqa: BLE001 - whatever pydantic says of something that is no type
        raise ConfigurationError(
            f"response_schema must be a JSON Schema, a class or a type, not {type(said).__name__}."
        ) from None


def _http_options(said: Any) -> dict[str, Any]:
    options = _fields("http_options", said)
    ours: dict[str, Any] = {}
    if (timeout := options.pop("timeout", None)) is not None:
        ours["timeout"] = float(timeout) / 1000  # Google counts milliseconds
    for name, field in (("headers", "extra_headers"), ("base_url", "base_url"), ("api_version", "api_version"),
                        ("extra_body", "extra_body")):  # fmt: skip
        if (value := options.pop(name, None)) is not None:
            ours[field] = value
    if options:
        warn(f"http_options: {', '.join(sorted(map(repr, options)))} concerned the vendor's client: {_OWN_CLIENT}.")
    return ours


def _client_options(said: Any) -> dict[str, Any]:
    """The address, as Google's class takes it: text, or an object that once held more."""
    if isinstance(said, str):
        return {"base_url": said}
    options = _fields("client_options", said)
    address = options.pop("api_endpoint", None) or options.pop("base_url", None)
    if options:
        warn(f"client_options: {', '.join(sorted(map(repr, options)))} concerned the vendor's client: not needed.")
    return {} if address is None else {"base_url": str(address)}


def _client_args(said: Any) -> dict[str, Any]:
    arguments = _fields("client_args", said)
    ours = {
        "extra_headers" if name == "headers" else name: arguments.pop(name)
        for name in ("proxy", "headers", "timeout", "verify")
        if name in arguments
    }
    if arguments:
        warn(f"client_args: {', '.join(sorted(map(repr, arguments)))} concerned the vendor's client: {_OWN_CLIENT}.")
    return ours


def _cache_idx(said: Any) -> dict[str, Any]:
    if said == -1:
        return {"cache_control": {"type": "ephemeral"}}
    warn(f"cache_idx={said!r} is not sent: mark the messages themselves (CachePoint); -1 caches as far as can be.")
    return {}


def _tools(said: Any) -> dict[str, Any]:
    given = list(said) if isinstance(said, Sequence) and not isinstance(said, str) else [said]
    return {"tools": [_tool(tool) for tool in given]}


def _tool(tool: Any) -> dict[str, Any]:
    found = sdk_json(tool)
    if not isinstance(found, dict):
        raise ConfigurationError(
            f"built_in_tools must be dicts or tools of the vendor's SDK, not {type(tool).__name__}."
        )
    return found


MEANINGS: dict[str, Meaning] = {
    "use_responses_api": _api,
    "organization": _organization,
    "openai_organization": _organization,
    "default_metadata": _metadata,
    "default_metadata_input": _metadata,
    "thinking_config": _thinking_config,
    "generation_config": _generation_config,
    "response_logprobs": lambda said: {"logprobs": said},
    "response_mime_type": _mime_type,
    "response_schema": _schema,
    "response_json_schema": _schema,
    "http_options": _http_options,
    "client_options": _client_options,
    "client_args": _client_args,
    "cache_idx": _cache_idx,
    "built_in_tool": _tools,
    "built_in_tools": _tools,
}
"""Words of the vendors' classes that say in theirs what arguments of ours say, and those arguments."""


def in_our_words(given: Mapping[str, Any], known: Collection[str] = ()) -> dict[str, Any]:
    """Keyword arguments with the vendors' words as the arguments of ours that they stand for.

    What is given in our own words wins. Objects (headers, `extra_body`) are merged.

    Args:
        given: As the user wrote them, secrets sealed; not changed.
        known: Names that the class has itself, which mean what it means by them.

    Raises:
        ConfigurationError: A value that has no meaning here.
    """
    words = [name for name in given if name in MEANINGS and name not in known]
    if not words:
        return dict(given)
    ours = {name: value for name, value in given.items() if name not in words}
    means: dict[str, Any] = {}
    for name in sorted(words, key=lambda name: (name != "response_mime_type", name)):  # a schema says more
        if given[name] is not None:
            means = _beside(MEANINGS[name](given[name]), means)
    return _beside(ours, means)


def _beside(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as one: of two that say the same, the first wins; objects and lists of tools are put together."""
    out: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            first = out.get(name)
            if first is None:
                out[name] = value
            elif name == "extra_headers":
                out[name] = SecretHeaders({**dict(value.items()), **dict(first.items())})
            elif name == "extra_body":
                out[name] = _merged(value, first)
            elif name == "tools":
                out[name] = [*first, *value]
    return {name: value for name, value in out.items() if value != {} or name not in {"extra_body"}}


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **base,
        **{
            name: _merged(base[name], value)
            if isinstance(value, Mapping) and isinstance(base.get(name), Mapping)
            else value
            for name, value in over.items()
        },
    }


# --- objects of the vendors' SDKs -----------------------------------------------------------------------------------


def sdk_json(value: Any) -> Any:
    """A value as JSON, where objects of a vendor's SDK may stand for theirs, at any depth.

    Other objects stay as they are.
    """
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        if "_value_" in value:  # what `vars` makes of an enum's member
            return sdk_json(value["_value_"])
        return {sdk_json(name): sdk_json(item) for name, item in value.items()}
    return [sdk_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def _fields(name: str, said: Any) -> dict[str, Any]:
    """The fields of a dict or of an SDK's object, by names in small letters; those that say nothing are left out."""
    found = fields_of(said)
    if found is None:
        raise ConfigurationError(f"{name} must be a dict or the vendor's own object, not {type(said).__name__}.")
    return {_snake(str(key)): value for key, value in found.items() if value is not None}


_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


def _snake(name: str) -> str:
    return _CAPITAL.sub(r"_\1", name).lower()


def _camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found.group(1).upper(), name)


def _camelised(value: Any) -> Any:
    value = sdk_json(value)
    if isinstance(value, dict):
        return {_camel(str(name)): _camelised(item) for name, item in value.items()}
    return [_camelised(item) for item in value] if isinstance(value, list) else value
