"""What beats what: a call, its class's constructor, and `extra_body` within each. One rule for both frameworks.

What a call says beats what the constructor said, name by name. Within one of them, `extra_body` is merged last, deeply.
docs/apis.md tells users.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from tikhub_ai.arguments import (
    HOW_TO_CALL,
    NATIVE_ARGUMENTS,
    SETTINGS,
    STRUCTURE_WORDS,
    WITH_A_CALL,
    chat_arguments,
    sendable,
    split_arguments,
)
from tikhub_ai.conversation import ChatRequest, Message, Overrides, ResponseFormat, Text, Tool, ToolChoice
from tikhub_ai.errors import ConfigurationError, TikHubAIError, silence, warn
from tikhub_ai.secret_values import SecretHeaders, seal
from tikhub_ai.vendor_words import in_our_words

_IN_OTHER_WORDS = frozenset({"extra_headers", "model_kwargs", "stream_options"})
_TAKEN = chat_arguments() | _IN_OTHER_WORDS

_EMBEDDING = frozenset({"model", "model_name", "dimensions", "encoding_format", "user", "extra_body"})
"""Arguments of the embedding classes that a single call may have of its own, too."""

_RIVALS = (
    frozenset({"reasoning_effort", "effort", "thinking_level", "thinking_budget"}),
    frozenset({"thinking", "thinking_budget"}),
    frozenset({"modalities", "response_modalities"}),
    frozenset({"audio", "speech_config"}),
)
"""Arguments that say the same thing in other words: a call that says one takes back the constructor's others."""
_WITHIN = {"reasoning": ("effort", "reasoning_effort"), "output_config": ("effort", "effort"),
           "thinking": ("budget_tokens", "thinking_budget"),
           "request_metadata": ("user_id", "user")}  # fmt: skip
"""Arguments that are objects, a field of them that says what another argument says, and that argument."""


def merged(base: Mapping[str, Any], over: Mapping[str, Any] | None) -> dict[str, Any]:
    """Two JSON objects as one. Where both have an object, these are merged likewise; else the second's value counts.

    Neither is changed.
    """
    both = dict(base)
    if not over:
        return both
    for name, value in over.items():
        ours = both.get(name)
        both[name] = merged(ours, value) if isinstance(ours, Mapping) and isinstance(value, Mapping) else value
    return both


class Layer(NamedTuple):
    """What was said in one place: arguments of an answer, native ones among them, and fields of the body."""

    arguments: dict[str, Any]
    body: dict[str, Any]


def structure_of(owner: object, call: Mapping[str, Any]) -> dict[str, Any]:
    """What a call says of tools and of the answer's form, with what its class's constructor said of them.

    Args:
        owner: As for `chat_request`.
        call: The call's keywords. Its tools stand beside the constructor's, and else it wins.

    Returns:
        `tools`, `tool_choice` and `response_format`, those that were said, in the words of the framework.
    """
    further = further_of(owner)
    own = in_our_words(further) if further else {}
    said = {name: layer[name] for layer in (own, call) for name in STRUCTURE_WORDS if layer.get(name) is not None}
    if own.get("tools") and call.get("tools"):
        said["tools"] = [*(tool for tool in own["tools"] if tool not in call["tools"]), *call["tools"]]
    return said


def further_of(owner: object) -> Mapping[str, Any] | None:
    """What an object of ours was given by `model_kwargs` or `additional_kwargs`, whichever its class has."""
    if isinstance(owner, BaseModel):  # whose missing attributes are dear to ask for
        held = vars(owner)
        return held.get("model_kwargs") or held.get("additional_kwargs")
    return getattr(owner, "model_kwargs", None) or getattr(owner, "additional_kwargs", None)


def said_by_constructor(owner: object) -> Layer:
    """What an object of ours was given by its constructor. None says nothing."""
    named = chat_arguments()
    fields = vars(owner) if isinstance(owner, BaseModel) else {name: getattr(owner, name, None) for name in named}
    said = {name: value for name, value in fields.items() if value is not None and name in named}
    return _layer(said, {}, further_of(owner))[0]


def _call(given: Mapping[str, Any]) -> tuple[Layer, dict[str, Any]]:
    said, unknown = split_arguments(given, _TAKEN) if given else ({}, {})
    return _layer(said, unknown, said.pop("model_kwargs", None))


def _layer(
    said: dict[str, Any], unknown: dict[str, Any], further: Mapping[str, Any] | None
) -> tuple[Layer, dict[str, Any]]:
    """The layer, and what no table knows, which is a part of its body."""
    if further:
        inner, rest = split_arguments(in_our_words(further), _TAKEN)
        said |= inner
        unknown = {**unknown, **rest}
    if unknown:
        unknown = sendable(unknown, "A call")
        for name in STRUCTURE_WORDS & unknown.keys():  # see `structure_of`
            del unknown[name]
        said |= {name: unknown.pop(name) for name in NATIVE_ARGUMENTS & unknown.keys()}
    options = said.pop("stream_options", None)
    if isinstance(options, Mapping):
        options = dict(options)
        if "include_usage" in options:
            said["stream_usage"] = bool(options.pop("include_usage"))
        if options:
            said["stream_options"] = options
    if isinstance(stop := said.get("stop"), str):
        said["stop"] = [stop]
    body = said.pop("extra_body", None)
    return Layer(said, merged(unknown, body) if body else dict(unknown)), unknown


def chat_request(
    messages: list[Message],
    owner: object,
    call: Mapping[str, Any],
    *,
    tools: list[Tool] | None = None,
    tool_choice: ToolChoice | None = None,
    response_format: ResponseFormat | None = None,
    only_constructor: Collection[str] = (),
    warns: bool = False,
) -> ChatRequest:
    """A call in neutral terms.

    Args:
        messages: The conversation.
        owner: What its constructor was given: an object with the fields of `ChatArgumentsMixin`, and `model_kwargs` or
            `additional_kwargs`. None says nothing.
        call: The call's keywords, by any of their names. None takes back what the constructor said. What
            `structure_of` makes of them comes by the next three.
        tools: What the model may call.
        tool_choice: Which tool it must call.
        response_format: The form of the answer's text.
        only_constructor: Names that are no keywords of a call, beside our settings.
        warns: Whether to warn of keywords that are not known here, which go to the body as they are.

    Raises:
        ConfigurationError: The call has a keyword that only the constructor takes.
    """
    call = seal(call)
    own = said_by_constructor(owner)
    said, unknown = _call(call)
    refused = {*SETTINGS - WITH_A_CALL, *HOW_TO_CALL, *only_constructor} - _TAKEN if unknown else ()
    for name in unknown:
        if split_arguments({name: None}, refused)[0]:
            raise ConfigurationError(
                f"{name!r} cannot be given with a call: give it to {type(owner).__name__}; in LangChain, "
                "configurable_fields can change it for a call."
            )
    if warns and unknown:
        warn(f"Keywords not known here are sent in the request's body as they are: {', '.join(sorted(unknown))}.")
    values = _without_rivals(own.arguments, said.arguments) | said.arguments
    values["metadata"] = values.pop("request_metadata", None)
    if values.get("stream_usage") is None:
        values.pop("stream_usage", None)
    request = ChatRequest(
        messages=messages,
        tools=tools or [],
        tool_choice=tool_choice,
        response_format=response_format,
        native={name: values.pop(name) for name in NATIVE_ARGUMENTS & values.keys()},
        extra_body=merged(own.body, said.body) or None,
        **values,
    )
    names = {"metadata" if name == "request_metadata" else name for name in said.arguments}
    if tool_choice is not None and tool_choice.parallel is not None:
        request.parallel_tool_calls = tool_choice.parallel
        names.add("parallel_tool_calls")
    names |= {name for name in ("tools", "tool_choice", "response_format") if getattr(request, name)}
    if own.body and names:
        request.overrides = Overrides(frozenset(names), own.body, said.body)
    return request


def _without_rivals(own: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's arguments without those that the call says in other words."""
    if not said:
        return dict(own)
    names = {name for name, value in said.items() if value is not None}
    for name, (inner, same) in _WITHIN.items():
        if isinstance(value := said.get(name), Mapping) and value.get(inner) is not None:
            names.add(same)
    gone = {rival for rivals in _RIVALS if rivals & names for rival in rivals} | names
    kept = {name: value for name, value in own.items() if name not in gone}
    for name, (inner, same) in _WITHIN.items():
        if same in gone and isinstance(value := kept.get(name), Mapping) and inner in value:
            del kept[name]
            if name != "thinking" and (rest := {field: said for field, said in value.items() if field != inner}):
                kept[name] = rest  # a thinking without its budget would be another thinking
    return kept


# --- objects whose framework passes nothing on ----------------------------------------------------------------------

Called = TypeVar("Called", bound=BaseModel)
Owner = TypeVar("Owner", bound=type)


def for_a_call(owner: Called, given: Mapping[str, Any]) -> tuple[Called, dict[str, Any]]:
    """What a call's keywords make of an object whose framework does not pass them on to the request: a copy.

    Args:
        owner: An object of one of our classes.
        given: The call's keywords, by any of their names; not changed. None says nothing.

    Returns:
        The object itself where nothing is changed, else a copy, whose headers and `extra_body` are the call's over its
        own; and the keywords that are nothing that a call may change.
    """
    given = seal(given)
    fields = type(owner).model_fields.keys()
    changes = WITH_A_CALL | {"default_headers"} | (chat_arguments() if "request_metadata" in fields else _EMBEDDING)
    said, rest = split_arguments(in_our_words(given), changes & fields)
    said = {name: value for name, value in said.items() if value is not None}
    if (headers := said.get("default_headers")) is not None:
        said["default_headers"] = (getattr(owner, "default_headers", None) or SecretHeaders()).merged(
            SecretHeaders.of(headers)
        )
    if isinstance(body := said.get("extra_body"), Mapping):
        said["extra_body"] = merged(getattr(owner, "extra_body", None) or {}, body)
    return owner.model_copy(update=said) if said else owner, rest


def calls_a_copy(*methods: str, where: Callable[[Any], bool] = lambda _: True) -> Callable[[Owner], Owner]:
    """A class decorator: methods that take a call's keywords although their framework does not pass them on.

    They are not overridden, since LlamaIndex would report each call of an override twice, as two spans.

    Args:
        *methods: Their names.
        where: For which objects they do so; for others, they are as they were.
    """

    def wrapped(owner: Owner) -> Owner:
        for name in methods:
            setattr(owner, name, _calling_a_copy(getattr(owner, name), where))
        return owner

    return wrapped


def _calling_a_copy(method: Any, where: Callable[[Any], bool]) -> Any:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def acalled(self: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs = seal(kwargs)
            own, rest = for_a_call(self, kwargs) if kwargs and where(self) else (self, kwargs)
            return await method(own, *args, **rest)

        return acalled

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs = seal(kwargs)
        own, rest = for_a_call(self, kwargs) if kwargs and where(self) else (self, kwargs)
        return method(own, *args, **rest)

    return called


# --- the body -------------------------------------------------------------------------------------------------------


def settled(request: ChatRequest, encode: Callable[[ChatRequest], dict[str, Any]]) -> ChatRequest:
    """The request with an `extra_body` that beats what it may beat, and no more.

    The constructor's `extra_body` may hold a field that an argument of the call makes, by whatever name the wire has
    for it (`generationConfig.topP`). Which fields these are, the codec knows: the request is encoded with the call's
    arguments and without, and where the two differ, the constructor says nothing.

    Args:
        request: As `chat_request` makes it; not changed.
        encode: The body that the API makes of a request.
    """
    overrides = request.overrides
    if overrides is None:
        return request
    base = replace(request, messages=[Message("user", [Text("-")])], extra_body=None, overrides=None)
    try:
        with silence():
            made = _difference(encode(_unsaid(base, overrides.names)), encode(base))
    except TikHubAIError:  # the request itself will say what is wrong with it
        return request
    return replace(request, extra_body=merged(_outside(overrides.constructor, made), overrides.call), overrides=None)


def _unsaid(request: ChatRequest, names: Collection[str]) -> ChatRequest:
    defaults: dict[str, Any] = {
        field.name: field.default_factory() if field.default_factory is not MISSING else field.default
        for field in fields(ChatRequest)
        if field.name in names and field.name != "model"
    }
    if "model" in names:
        defaults["model"] = "-"
    native = {name: value for name, value in request.native.items() if name not in names}
    return replace(request, **defaults, native=native)


def _difference(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in which two JSON objects differ."""
    found: dict[str, Any] = {}
    for name in left.keys() | right.keys():
        one, other = left.get(name), right.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if inner := _difference(one, other):
                found[name] = inner
        elif one != other:
            found[name] = other
    return found


def _outside(base: Mapping[str, Any], gone: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object without some fields of it."""
    left: dict[str, Any] = {}
    for name, value in base.items():
        if name not in gone:
            left[name] = value
        elif isinstance(value, Mapping) and isinstance(gone[name], Mapping) and (rest := _outside(value, gone[name])):
            left[name] = rest
    return left
