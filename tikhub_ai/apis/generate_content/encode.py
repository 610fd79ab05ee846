"""A `ChatRequest` as the body of POST /{version}/models/{model}:generateContent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tikhub_ai.apis.fitted import fitted
from tikhub_ai.apis.generate_content import thinking
from tikhub_ai.apis.generate_content.history import encode_contents
from tikhub_ai.apis.generate_content.media import resolution_level
from tikhub_ai.apis.generate_content.names import GEMINI_2, GEMINI_2_5, camelised, generation_of, is_from
from tikhub_ai.apis.generate_content.placed import placed
from tikhub_ai.apis.generate_content.schemas import converted, inlined
from tikhub_ai.apis.generate_content.thinking import thinking_config
from tikhub_ai.apis.generate_content.tools import encode_tool_choice, encode_tools, with_own_tools
from tikhub_ai.arguments import native_of, send, warn_of_missing
from tikhub_ai.conversation import Issuer
from tikhub_ai.errors import InvalidRequestError, warn
from tikhub_ai.precedence import merged
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from tikhub_ai.apis.generate_content.names import Generation
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest, ResponseFormat

API = "generate_content"
VERSION = "v1beta"
"""The path's first segment, where `api_version` names no other."""

_CONFIG = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "seed": "seed",
    "n": "candidateCount",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_BESIDE = {"service_tier": "serviceTier", "store": "store"}
TAKES = frozenset({*_CONFIG, *thinking.TAKES, "stop", "modalities", "audio", "parallel_tool_calls"})
"""The arguments of an answer that this API has. `parallel_tool_calls` asks for nothing that it could refuse."""
LIMIT_FIELDS = (("generationConfig", "maxOutputTokens"), ("generation_config", "max_output_tokens"))
"""Where a body holds the limit of the answer's length."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def encode(request: ChatRequest, facts: ModelFacts, *, stream: bool) -> ApiRequest:
    """The request on this wire.

    Args:
        request: What is asked.
        facts: What the catalog knows of the model.
        stream: Whether the answer is to be streamed.

    Raises:
        InvalidRequestError: A tool result without its call, a conversation with nothing to answer to, or no version.
    """
    request = fitted(request, API)
    native = native_of(request, API)
    generation = generation_of(request.model, facts)
    contents, system = encode_contents(request.messages, Issuer(API, facts.family), generation)
    body: dict[str, Any] = {"contents": contents}
    if system is not None:
        body["systemInstruction"] = system
    if request.tools:
        tools = encode_tools(request.tools, generation, json_schema=native.get("parameters_json_schema"))
        if tools:
            body["tools"] = tools
        choice = None if request.tool_choice is None else encode_tool_choice(request.tool_choice, tools)
        if config := with_own_tools(choice, tools, generation):
            body["toolConfig"] = config
        _warn_of_strict(request)
    if generating := _generation_config(request, native, generation, facts):
        body["generationConfig"] = generating
    if safety := native.get("safety_settings"):
        body["safetySettings"] = _safety_settings(safety)
    if cached := native.get("cached_content"):
        body["cachedContent"] = cached
    if labels := native.get("labels"):
        body["labels"] = labels
    body |= {wire: native[name] for name, wire in _BESIDE.items() if native.get(name) is not None}
    warn_of_missing(API, request, TAKES)
    return ApiRequest(
        _path(request.model, _version(native.get("api_version")), stream=stream),
        merged(body, placed(request.extra_body)),
        auth_header="x-goog-api-key",
    )


def output_limit(said: int | None, facts: ModelFacts) -> int | None:  # noqa: ARG001 - the codecs' signature
    """The limit of the answer's length that is sent: the caller's; None for none."""
    return said


def _warn_of_strict(request: ChatRequest) -> None:
    """A call that is forced follows its schema here by itself (mode ANY); of others nobody can ask it."""
    forced = request.tool_choice is not None and request.tool_choice.mode in {"required", "tool"}
    if not forced and any(tool.strict for tool in request.tools):
        warn("generate_content has no 'strict': only calls that tool_choice forces are held to their schema.")


def _path(model: str, version: str, *, stream: bool) -> str:
    """The path, with whatever the model is called in one safe segment. `?alt=sse` asks for events, not for an array."""
    collection = "models"
    name = model.removeprefix("google/")
    for prefix in ("models", "tunedModels"):
        if name.startswith(f"{prefix}/"):
            collection, name = prefix, name.removeprefix(f"{prefix}/").removeprefix("google/")
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/{version}/{collection}/{quote(name, safe='')}:{method}"


def _version(given: Any) -> str:
    """The path's first segment.

    Raises:
        InvalidRequestError: It is no version, and would lead elsewhere.
    """
    version = VERSION if given is None else str(given).strip("/")
    if not _VERSION.fullmatch(version):
        raise InvalidRequestError(f"api_version={given!r} is no version of the API, such as {VERSION!r} or 'v1'.")
    return version


def _generation_config(
    request: ChatRequest, native: dict[str, Any], generation: Generation | None, facts: ModelFacts
) -> dict[str, Any]:
    config: dict[str, Any] = {}
    send(config, request, _CONFIG, facts.refused)
    if request.stop:
        config["stopSequences"] = request.stop
    if request.top_logprobs is not None:
        config["responseLogprobs"] = True  # the count alone is refused
    elif f"{request.logprobs}".isdigit():  # Google's word for how many
        config |= {"responseLogprobs": True, "logprobs": request.logprobs}
    modalities = native.get("response_modalities") or request.modalities
    if not modalities and facts.outputs == ("audio",):  # a model that speaks refuses to write
        modalities = ["AUDIO"]
    if modalities:
        config["responseModalities"] = [_word(modality).upper() for modality in modalities]
    speech = native.get("speech_config") or (request.audio or {}).get("voice")
    if speech:
        config["speechConfig"] = (
            {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": speech}}}
            if isinstance(speech, str)
            else camelised(speech)
        )
    if request.audio and (rest := sorted(request.audio.keys() - {"voice"})):
        warn(f"generate_content cannot express audio{rest}: only 'voice' is sent.")
    if image := native.get("image_config"):
        config["imageConfig"] = camelised(image)
    if resolution := native.get("media_resolution"):
        config["mediaResolution"] = resolution_level(resolution)
    if thoughts := thinking_config(request, native, facts):
        config["thinkingConfig"] = thoughts
    if request.response_format is not None:
        config |= _response_format(request.response_format, generation)
    return config


def _response_format(wanted: ResponseFormat, generation: Generation | None) -> dict[str, Any]:
    """JSON Schema itself from Gemini 2.5 on; before it, Google's own `Schema` where that says all of it, or is all.

    Gemini 2.0 keeps an order of properties only where `propertyOrdering` says it, which Google's `Schema` has.
    """
    if wanted.type == "text":
        return {}
    config: dict[str, Any] = {"responseMimeType": "application/json"}
    if wanted.type == "json_object" or not wanted.schema:
        return config
    schema = wanted.schema
    if wanted.description and not schema.get("description"):
        schema = {**schema, "description": wanted.description}
    if is_from(generation, GEMINI_2_5) or generation is None:
        config["responseJsonSchema"] = inlined(schema)
        return config
    config["responseSchema"], lost = converted(schema, ordered=True)
    if lost and is_from(generation, GEMINI_2):
        del config["responseSchema"]
        config["responseJsonSchema"] = inlined(schema)
    elif lost:
        warn(f"This model's answers follow a schema without {', '.join(lost)}: that part of it is left out.")
    return config


def _safety_settings(given: Any) -> list[dict[str, Any]]:
    """A list as the wire has it, or a dict of category to threshold, as LangChain's users write it."""
    if isinstance(given, dict):
        return [
            {"category": _prefixed(category, "HARM_CATEGORY_"), "threshold": _word(threshold)}
            for category, threshold in given.items()
        ]
    return [{name: _word(value) for name, value in camelised(setting).items()} for setting in given]


def _prefixed(word: Any, prefix: str) -> str:
    name = _word(word).upper()
    return name if name.startswith(prefix) else prefix + name


def _word(value: Any) -> str:
    """The wire's word of an enum's member, or a word."""
    if isinstance(value, str):
        return str(getattr(value, "value", value))
    return str(getattr(value, "name", value))
