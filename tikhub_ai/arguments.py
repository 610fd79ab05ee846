"""Every argument that a user may write: its names, who has it, what is secret.

All classes of both frameworks read this one table. What it need not say twice it takes from where it stands already:
the arguments of an answer are the fields of `ChatRequest`, the settings those of `Settings`. Which of an answer's
arguments an API has, its codec says (`TAKES`).
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tikhub_ai.errors import warn
from tikhub_ai.secret_values import SecretHeaders, may_hold_a_secret, seal, secret_kind
from tikhub_ai.settings import Settings
from tikhub_ai.vendor_words import MEANINGS, NEEDLESS, ONLY_EMBEDDINGS, SWITCHED_OFF, in_our_words

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from tikhub_ai.conversation import ChatRequest

NATIVE: dict[str, frozenset[str]] = {
    "chat_completions": frozenset(
        {"service_tier", "store", "prompt_cache_key", "prompt_cache_options", "safety_identifier", "verbosity",
         "prediction", "stream_options", "web_search_options"}
    ),
    "responses": frozenset(
        {"service_tier", "store", "prompt_cache_key", "prompt_cache_options", "safety_identifier", "verbosity",
         "include", "truncation", "previous_response_id", "conversation", "background", "max_tool_calls", "prompt",
         "context_management", "instructions", "stream_options"}
    ),
    "messages": frozenset(
        {"service_tier", "cache_control", "betas", "mcp_servers", "container", "context_management", "inference_geo",
         "effort", "output_config", "user_profile_id"}
    ),
    "generate_content": frozenset(
        {"safety_settings", "cached_content", "response_modalities", "media_resolution", "speech_config",
         "image_config", "thinking_level", "include_thoughts", "labels", "api_version", "parameters_json_schema",
         "service_tier", "store"}
    ),
}  # fmt: skip
"""The arguments that only some wire APIs have, by API and by the names of its documents.

They are arguments of both chat classes like any other, and each codec puts its own where they belong. An API that does
not have one warns and leaves it out.
"""

_HELD_ELSEWHERE = ("previous_response_id", "conversation", "prompt")
"""Those that bring a part of the conversation which the provider keeps."""

NATIVE_ARGUMENTS = frozenset().union(*NATIVE.values())
"""All of them."""

SETTINGS = frozenset(field.name for field in fields(Settings))
"""Arguments of every class: how the gateway is reached."""

_STRUCTURE = frozenset(
    {"messages", "tools", "tool_choice", "response_format", "native", "metadata", "extra_headers", "overrides"}
)
"""Fields of `ChatRequest` that are no argument by the same name: each framework has words of its own for them."""
STRUCTURE_WORDS = frozenset({"tools", "tool_choice", "response_format"})
"""Of these, those that a call says in its framework's words. A constructor may say them by `model_kwargs`."""
HOW_TO_CALL = frozenset({"api", "incomplete_stream"})
"""Arguments of the chat classes' constructors that are no settings and go into no request."""
WITH_A_CALL = frozenset({"api_key", "timeout"})
"""Settings that a single call may have of its own."""

_SAME: tuple[tuple[str, ...], ...] = (
    ("model", "model_name"),
    ("base_url", "api_base"),
    ("timeout", "request_timeout", "default_request_timeout"),
    ("default_headers", "headers", "additional_headers", "extra_headers"),
    ("http_async_client", "async_http_client"),
    ("proxy", "openai_proxy", "anthropic_proxy"),
    ("max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens", "max_tokens_to_sample"),
    ("stop", "stop_sequences"),
    ("n", "candidate_count"),
    ("audio", "audio_config"),
    ("thinking", "thinking_dict"),
    ("request_metadata", "metadata", "call_metadata"),
    ("model_kwargs", "additional_kwargs"),
    ("batch_size", "chunk_size", "embed_batch_size"),
    ("max_concurrency", "num_workers"),
    ("max_retries", "retries"),
    ("reasoning", "reasoning_options"),
)
"""Names of one argument, ours first: what other classes of the frameworks and vendors call it, so that a swap changes
one word. A class has one of them as its field; each of the others means that field."""
_GROUP_OF = {name: group for group in _SAME for name in group}
_OF_ANY_VENDOR = (
    (re.compile(r"\w+_api_key"), ("api_key",)),
    (re.compile(r"\w+_(api_(base|url)|base_url)"), _GROUP_OF["base_url"]),
)
"""`openai_api_key`, `anthropic_api_url`, `xai_api_base`, ...: whatever comes before."""

HEADERS = frozenset(_GROUP_OF["default_headers"])
"""The names of headers. They are secret, as the key and a proxy's address are."""
_PROXIES = frozenset(_GROUP_OF["proxy"])
_FURTHER = frozenset(_GROUP_OF["model_kwargs"])


@cache
def chat_arguments() -> frozenset[str]:
    """Arguments of an answer, which both chat classes take in the constructor and with a call."""
    from tikhub_ai.conversation import ChatRequest  # noqa: PLC0415 - importing the classes need not pay for it

    return frozenset(field.name for field in fields(ChatRequest)) - _STRUCTURE | {"request_metadata"}


# --- names ----------------------------------------------------------------------------------------------------------


@cache
def names_of(name: str) -> tuple[str, ...]:
    """All names of the argument that a name means, ours first; of one that the table does not have, itself."""
    if (group := _GROUP_OF.get(name)) is not None:
        return group
    return next((group for pattern, group in _OF_ANY_VENDOR if pattern.fullmatch(name)), (name,))


def field_named(name: str, fields: Collection[str]) -> str | None:
    """The field of a class that an argument's name means, be it the field's own or an alias; None where there is none.

    Args:
        name: As the user wrote it.
        fields: The names that the class has.
    """
    return name if name in fields else next((same for same in names_of(name) if same in fields), None)


def split_arguments(given: Mapping[str, Any], fields: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments by the names of a class's fields.

    Args:
        given: As the user wrote them.
        fields: The names that the class has.

    Returns:
        The arguments that the class knows, and the rest. Where an argument is given by several names, the field's own
        wins; headers given by several names are put together, as the vendors' clients do.
    """
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in sorted(given.items(), key=lambda item: _weight(item[0], fields)):
        field = field_named(name, fields)
        if field is None:
            unknown[name] = value
        elif field in known:
            known[field] = put_together(field, known[field], value)
        else:
            known[field] = value
    return known, unknown


def put_together(field: str, first: Any, second: Any) -> Any:
    """One value of two that were given for a field: the second, where it says anything; of headers both."""
    if field in HEADERS and _is_headers(first) and _is_headers(second):
        return SecretHeaders({**dict(first.items()), **dict(second.items())})
    return first if second is None else second


def _weight(name: str, fields: Collection[str]) -> int:
    """Of two names for one argument, the one with more weight wins."""
    return _GROUP_OF[name].index(name) if name in HEADERS else name in fields


def _is_headers(value: Any) -> bool:
    return isinstance(value, (Mapping, SecretHeaders))


# --- secrets --------------------------------------------------------------------------------------------------------


def secrets_taken_out(further: Mapping[str, Any], fields: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Secrets that stand in `model_kwargs`, by the names of the class's fields, and what else stands there."""
    secrets, _ = split_arguments(seal({name: further[name] for name in further if secret_kind(name)}), fields)
    return secrets, {name: value for name, value in further.items() if not secret_kind(name)}


def without_secrets(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as tracers may see them: of what is secret, only that it was given."""
    shown = dict(given)
    for name, value in given.items():
        if name in HEADERS and _is_headers(value):
            shown[name] = sorted(map(str, value))
        elif name in _FURTHER and isinstance(value, Mapping):
            shown[name] = without_secrets(value)
        elif value is not None and secret_kind(name):
            shown[name] = "**********"
    return shown


Owner = TypeVar("Owner", bound=type)
_Change: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]


def hides_secrets(*methods: str, held_by: str | None = None) -> Callable[[Owner], Owner]:
    """A class decorator: the class's doors, which hide what is secret among a call's keywords before they go on.

    So no frame behind them holds it in the open, and no callback, tracer or event is told it. Behind them, the vendors'
    words are ours.

    Args:
        *methods: Names of methods; those that the class does not have are passed over.
        held_by: The one argument that holds the call's keywords, where they are not the method's own, such as
            LlamaIndex's `llm_kwargs`.
    """

    def wrapped(owner: Owner) -> Owner:
        for name in methods:
            if (method := getattr(owner, name, None)) is not None:
                signature = inspect.signature(method)
                if method.__module__ == owner.__module__:
                    # Both frameworks ask for it with each call, and inspect would make it anew each time.
                    method.__signature__ = signature
                place = list(signature.parameters).index(held_by) if held_by else 0
                setattr(owner, name, _door(method, held_by, place))
        return owner

    return wrapped


def _door(method: Any, held_by: str | None, place: int) -> Any:
    def changed(by: _Change, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if held_by is None:
            return args, kwargs if all(map(_is_ours, kwargs)) else by(kwargs)
        if isinstance(kwargs.get(held_by), Mapping):
            return args, {**kwargs, held_by: by(kwargs[held_by])}
        if place < len(args) and isinstance(args[place], Mapping):
            return (*args[:place], by(args[place]), *args[place + 1 :]), kwargs
        return args, kwargs

    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def adoor(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = changed(seal, args, kwargs)
            args, kwargs = changed(in_our_words, args, kwargs)
            return await method.__get__(args[0])(*args[1:], **kwargs)  # as its class would call it

        return adoor

    @functools.wraps(method)
    def door(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = changed(seal, args, kwargs)
        args, kwargs = changed(in_our_words, args, kwargs)
        return method.__get__(args[0])(*args[1:], **kwargs)

    return door


@lru_cache(maxsize=1024)
def _is_ours(name: str) -> bool:
    """Whether a keyword can hold no secret and is no vendor's word: neither `seal` nor `in_our_words` changes it."""
    return not may_hold_a_secret(name) and name not in MEANINGS


def call_settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a call's keywords say of the settings (`timeout`, `api_key`), and the others, with their secrets hidden.

    Args:
        given: As the user wrote them; not changed. None says nothing.
    """
    if not given:
        return {}, {}
    given = in_our_words(seal(given))
    settings, rest = split_arguments(given, WITH_A_CALL)
    for further in _FURTHER & rest.keys():
        if isinstance(rest[further], Mapping):
            inner, rest[further] = split_arguments(rest[further], WITH_A_CALL)
            settings |= inner
    return {name: value for name, value in settings.items() if value is not None}, rest


# --- a constructor's ------------------------------------------------------------------------------------------------


def constructor_arguments(given: Mapping[str, Any], fields: Collection[str], owner: str) -> dict[str, Any]:
    """A constructor's arguments by the names of its class's fields. Those it does not have go to the wire.

    They go by `model_kwargs` (in LlamaIndex `additional_kwargs`), with a warning. What stands in there and has an
    argument of its own is taken out, so that headers are sent as headers, and a key as the key.

    Args:
        given: As the user wrote them; not changed. None says nothing.
        fields: The names of the class's fields.
        owner: The name of the class, for warnings.
    """
    given = in_our_words(seal(given), frozenset(fields))
    known, unknown = split_arguments({name: value for name, value in given.items() if value is not None}, fields)
    further = next(name for name in _GROUP_OF["model_kwargs"] if name in fields)
    inner = known.get(further)
    if inner is not None and not isinstance(inner, Mapping):
        return known | unknown  # for the field to refuse
    inner = in_our_words(inner or {})
    moved, rest = split_arguments(inner or {}, set(fields) - {"metadata"})  # LangChain's, for tracing; here the wire's
    for field, value in moved.items():
        known[field] = put_together(field, known.get(field), value)
        if (
            further == "model_kwargs"
        ):  # LangChain's classes refuse them there; LlamaIndex's take any by additional_kwargs
            warn(f"{field!r} is an argument of its own: it is taken out of model_kwargs.")
    is_chat = "request_metadata" in fields
    rest |= sendable(unknown, owner, NEEDLESS if is_chat else NEEDLESS | ONLY_EMBEDDINGS)
    if strange := sorted(unknown.keys() & rest.keys() - (NATIVE_ARGUMENTS | STRUCTURE_WORDS if is_chat else set())):
        names = ", ".join(map(repr, strange))
        warn(f"{names} is no argument of {owner}: it goes to {further}, and so to the wire as it is.")
    return known | {further: rest}


def sendable(unknown: Mapping[str, Any], owner: str, needless: Mapping[str, str | None] = NEEDLESS) -> dict[str, Any]:
    """Arguments without those that have nothing to do here; a warning says why, where they asked for something.

    Args:
        unknown: Arguments that a class does not know.
        owner: What does not need them, for the warning.
        needless: Those that have nothing to do, and why.
    """
    for name in SWITCHED_OFF.keys() & unknown.keys():
        if unknown[name] is False:
            warn(f"{name}=False has no effect: {SWITCHED_OFF[name]}.")
    missed: dict[str, list[str]] = {}
    for name in sorted(unknown.keys() & needless.keys()):
        if (why := needless[name]) is not None and _asks_anything(unknown[name]):
            missed.setdefault(why, []).append(repr(name))
    for why, names in missed.items():
        warn(f"{owner} does not need {', '.join(names)}: {why}.")
    return {name: value for name, value in unknown.items() if name not in needless}


def _asks_anything(value: Any) -> bool:
    """Whether the value of an argument that is left out asked for anything: a switch that is off does not."""
    return value is not False and value not in ({}, [], "")


# --- an API's -------------------------------------------------------------------------------------------------------

_NEUTRAL = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "parallel_tool_calls": False,  # what LlamaIndex always asks, and what models without the field do anyway
}
"""Values that ask for nothing: dropping them where a model refuses the field changes nothing, so nobody is warned."""
_OF_NO_API = frozenset({"model", "stream_usage", "extra_body"})
"""Arguments of an answer that no API lacks."""


def asks(name: str, value: Any) -> bool:
    """Whether an argument's value asks for anything."""
    return value is not None and value != _NEUTRAL.get(name)


def is_held_elsewhere(request: ChatRequest) -> bool:
    """Whether the provider keeps a part of the conversation, so that what is sent need not be whole, or anything."""
    return any(request.native.get(name) or (request.extra_body or {}).get(name) for name in _HELD_ELSEWHERE)


def native_of(request: ChatRequest, api: str) -> dict[str, Any]:
    """What of a request's native arguments an API has; a warning names the others."""
    known = {name: value for name, value in request.native.items() if value is not None}
    if strange := sorted(known.keys() - NATIVE[api]):
        warn(f"{api} has no {', '.join(map(repr, strange))}: not sent.")
    return {name: value for name, value in known.items() if name in NATIVE[api]}


def send(
    body: dict[str, Any],
    request: ChatRequest,
    names: Mapping[str, str] | Iterable[str],
    refused: Container[str] | Mapping[str, str],
) -> None:
    """Put arguments of a request into a body, where they were said and the model takes them; warn where it does not.

    Args:
        body: The body, or the part of it that holds them.
        request: What is asked.
        names: The arguments, each with its name on the wire where that is another.
        refused: Those that the model refuses. A mapping says why, in words that follow the model's name.
    """
    on_the_wire = names if isinstance(names, Mapping) else {name: name for name in names}
    for name, field in on_the_wire.items():
        value = getattr(request, name)
        if value is None:
            continue
        if name not in refused:
            body[field] = value
        elif asks(name, value):
            why = refused[name] if isinstance(refused, Mapping) else f"refuses {name!r}"
            warn(f"{request.model} {why}: {name}={value!r} is not sent.")


def warn_of_missing(api: str, request: ChatRequest, takes: frozenset[str]) -> None:
    """Warn of the arguments that an API has no field for, where they were said and ask for something.

    Args:
        api: The API.
        request: What is asked.
        takes: The arguments that it has.
    """
    for name in _lacked(takes):
        if asks(name, value := getattr(request, name)):
            warn(f"{api} has no {name!r}: {name}={value!r} is not sent.")


@cache
def _lacked(takes: frozenset[str]) -> tuple[str, ...]:
    """The arguments of an answer, by the names of `ChatRequest`, that an API does not take."""
    names = chat_arguments() - {"request_metadata"} | {"metadata"}
    return tuple(sorted(names - takes - _OF_NO_API))
