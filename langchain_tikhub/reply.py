"""What comes out: a reply as LangChain's messages, a stream's deltas as LangChain's chunks. Pure.

Both hold the same: the sum of a stream's chunks equals the message of the plain answer.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, assert_never

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.json import parse_partial_json

from langchain_tikhub.merging import AnswerChunk
from langchain_tikhub.parsed import parsed
from langchain_tikhub.profile import PROVIDER
from langchain_tikhub.skeleton import (
    AUDIO,
    COMMENTARY,
    PARTS,
    REASONING,
    REFUSAL,
    closed,
    due_calls,
    holds_speech,
    kind_of,
    opened,
    skeleton,
)
from tikhub_ai import (
    AudioDelta,
    Choice,
    CitationDelta,
    End,
    GuardedStream,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    guarded,
    is_commentary,
    replay,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.messages.tool import ToolCallChunk

    from tikhub_ai import AnyPart, ChatReply, Delta, ResponseFormat, Usage

_WRITTEN_FOR = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_ALWAYS = {"model_provider": PROVIDER}


# --- metadata, sent once --------------------------------------------------------------------------------------------


def usage_metadata(usage: Usage) -> UsageMetadata:
    """Token counts as LangChain counts them: details are whole numbers, and empty ones are left out."""
    out: UsageMetadata = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.input_details:
        details = usage.input_details.copy()
        if any(details.get(name) for name in _WRITTEN_FOR):
            details["cache_creation"] = 0  # as ChatAnthropic has it: who prices each kind would count them twice
        out["input_token_details"] = details  # type: ignore[typeddict-item]  # extra keys are welcome
    if usage.output_details:
        out["output_token_details"] = usage.output_details.copy()  # type: ignore[typeddict-item]  # as above
    return out


def response_metadata(reply: ChatReply, choice: Choice, model: str, *, headers: bool) -> dict[str, Any]:
    """The metadata of an answer: what a stream sends once, with its last chunk.

    Args:
        reply: The whole reply.
        choice: The answer it is for.
        model: The model asked for, where the wire names none.
        headers: Whether to include the response headers.
    """
    metadata: dict[str, Any] = {**reply.extras, **choice.extras, **_ALWAYS, "api": reply.api}
    metadata["model_name"] = reply.model or model
    said = {
        "finish_reason": choice.finish_reason,
        "id": reply.id,
        "request_id": reply.request_id,
        "logprobs": choice.logprobs,
        "token_usage": token_usage(reply.usage) if reply.usage else None,
        "headers": dict(reply.headers) if headers else None,
    }
    if reply.usage and "prompt_tokens" not in reply.usage.raw:
        said["usage"] = reply.usage.raw
    return metadata | {key: value for key, value in said.items() if value is not None}


_DETAILS = {"cache_read": "cached_tokens", "audio": "audio_tokens", "reasoning": "reasoning_tokens"}


def token_usage(usage: Usage) -> dict[str, Any]:
    """Token counts by OpenAI's names, which tutorials and tracers read; the wire's own where these are its names."""
    if "prompt_tokens" in usage.raw:
        return usage.raw
    out: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    for name, counts in (("prompt_tokens_details", usage.input_details),
                         ("completion_tokens_details", usage.output_details)):  # fmt: skip
        if details := {_DETAILS[kind]: count for kind, count in counts.items() if kind in _DETAILS}:
            out[name] = details
    return out


# --- plain ----------------------------------------------------------------------------------------------------------


def from_reply(
    reply: ChatReply,
    model: str,
    *,
    headers: bool = False,
    only_first: bool = False,
    form: ResponseFormat | None = None,
) -> ChatResult:
    """A reply as a result: one generation for each choice, and the usage with the first.

    Args:
        reply: The whole reply.
        model: The model asked for.
        headers: Whether the response headers go into `response_metadata`.
        only_first: Leave the other choices out.
        form: The form that was asked for.

    Raises:
        InvalidResponseError: LangChain's classes, or the class that was asked for, refuse the answer. `.partial` is the
            answer.
    """
    return guarded(lambda: _result(reply, model, headers=headers, only_first=only_first, form=form), reply)


def _result(
    reply: ChatReply, model: str, *, headers: bool, only_first: bool, form: ResponseFormat | None
) -> ChatResult:
    generations: list[ChatGeneration] = []
    choices = reply.choices or [Choice()]
    for number, choice in enumerate(choices[:1] if only_first else choices):
        metadata = response_metadata(reply, choice, model, headers=headers)
        if number:
            metadata.pop("token_usage", None)
            metadata.pop("usage", None)
        fields = _fields(choice.parts)
        fields["additional_kwargs"] |= parsed(choice, form, reply)
        message = AIMessage(
            **fields,
            response_metadata=metadata,
            usage_metadata=usage_metadata(reply.usage) if reply.usage and not number else None,
        )
        generations.append(ChatGeneration(message=message))
    llm_output: dict[str, Any] = {"model_name": reply.model or model}
    if reply.usage:
        llm_output["token_usage"] = token_usage(reply.usage)
    return ChatResult(generations=generations, llm_output=llm_output)


def _fields(parts: Sequence[AnyPart]) -> dict[str, Any]:
    """The fields of a message that holds these parts."""
    calls, invalid = [], []
    for part in parts:
        if isinstance(part, ToolCall):
            arguments, error = _arguments(part.arguments)
            if error is None:
                calls.append(tool_call(name=part.name, args=arguments, id=part.id))
            else:
                invalid.append(invalid_tool_call(name=part.name, args=part.arguments, id=part.id, error=error))
    return {
        "content": text_of(parts),
        "additional_kwargs": skeleton(parts),
        "tool_calls": calls,
        "invalid_tool_calls": invalid,
    }


def _arguments(text: str) -> tuple[dict[str, Any], str | None]:
    try:
        arguments = json.loads(text or "{}", strict=False)
    except ValueError as error:
        return {}, f"The arguments are no valid JSON: {error}"
    if not isinstance(arguments, dict):
        return {}, "The arguments are no JSON object"
    return arguments, None


# --- streamed -------------------------------------------------------------------------------------------------------


class AnswerStream(GuardedStream[AnswerChunk]):
    """Makes chunks of one stream's deltas.

    Other choices than the first are not streamed, since LangChain's stream is one message: they come whole, as plain
    dicts, in the last chunk's `response_metadata["other_choices"]`.

    Args:
        model: The model asked for.
        headers: Whether the response headers go into `response_metadata`.
        form: The form that was asked for.
    """

    def __init__(self, model: str, *, headers: bool = False, form: ResponseFormat | None = None) -> None:
        self._model = model
        self._form = form
        self._headers = headers
        self._speech: int | None = None
        self._speech_rest = b""
        self._whole: dict[int, int] = {}
        self._commentary: set[int] = set()

    def chunk(self, delta: Delta) -> AnswerChunk | None:
        """The chunk of one delta; None where it belongs to another choice than the first."""
        return self.item(delta)

    def _item(self, delta: Delta) -> AnswerChunk | None:
        if type(delta) is TextDelta:
            if delta.phase is not None and not delta.choice:
                return self._commented(delta)
            return None if delta.choice else _text_chunk(delta.text, delta.index)
        if not isinstance(delta, End) and delta.choice:
            return None
        return AnswerChunk(message=self._message(delta))

    def _commented(self, delta: TextDelta) -> AnswerChunk:
        """What is said while the model works; the last chunk makes it the `content` where nothing else is."""
        begins = delta.index not in self._commentary
        self._commentary.add(delta.index)
        return AnswerChunk(message=_sliced(COMMENTARY, COMMENTARY, delta.text, delta.index, begins=begins))

    def _message(self, delta: Delta) -> AIMessageChunk:
        match delta:
            case TextDelta():
                return _said({"index": delta.index, "type": "text"}, content=delta.text)
            case ReasoningDelta(state={"redacted": _}):
                return self._part(Reasoning(state=delta.state, issuer=delta.issuer, text=delta.text), delta.index)
            case ReasoningDelta():
                begins = not delta.text and delta.state is not None  # its words may be none: it has its place now
                return _sliced(REASONING, "reasoning", delta.text, delta.index, begins=begins)
            case RefusalDelta():
                return _sliced(REFUSAL, "refusal", delta.text, delta.index)
            case ToolCallDelta():
                return _call(delta)
            case CitationDelta():
                citations = [replay.citation_dict(citation) for citation in delta.citations]
                return _said({"index": delta.index, "type": "text", "citations": citations})
            case AudioDelta():
                return self._audio(delta)
            case PartDelta():
                return self._part(delta.part, delta.index)
            case End():
                return self._last(delta.reply)
            case _:
                assert_never(delta)

    def _audio(self, delta: AudioDelta) -> AIMessageChunk:
        """Speech in fragments of whole 3 bytes, since only their base64 can be joined as text, as LangChain does."""
        entry: dict[str, Any] = {"index": delta.index, "type": "speech"}
        if self._speech is None:
            self._speech = delta.index
            if delta.mime_type:
                entry["mime_type"] = delta.mime_type
        raw = self._speech_rest + b64decode(delta.data + "=" * (-len(delta.data) % 4))
        whole = len(raw) - len(raw) % 3
        self._speech_rest = raw[whole:]
        audio: dict[str, Any] = {"data": b64encode(raw[:whole]).decode()}
        if delta.transcript:
            audio["transcript"] = delta.transcript
        return _said(entry, {AUDIO: audio})

    def _part(self, part: AnyPart, index: int) -> AIMessageChunk:
        if holds_speech(part, {} if self._speech is None else {AUDIO: None}):
            return self._audio(
                AudioDelta(index, data=part.data or "", transcript=part.transcript or "", mime_type=part.mime_type)
            )
        if isinstance(part, ToolCall):
            return _call(ToolCallDelta(part.arguments, index, id=part.id, name=part.name))
        version = self._whole.get(index, -1) + 1
        strings, entry = opened(part, index, version)
        if is_commentary(part):
            self._commentary.add(index)
        if not isinstance(part, (Text, Refusal)) and (
            not isinstance(part, Reasoning) or "redacted" in (part.state or {})
        ):
            self._whole[index] = version
            entry |= closed(entry, part)
        is_content = isinstance(part, Text) and not is_commentary(part)
        return _said(entry, strings | due_calls(part), part.text if is_content else "")  # type: ignore[union-attr]  # content is a Text

    def _last(self, reply: ChatReply) -> AIMessageChunk:
        """The last chunk: everything that is sent once."""
        choice = reply.choices[0] if reply.choices else Choice()
        kwargs: dict[str, Any] = {}
        entries: list[dict[str, Any]] = []
        for index, part in enumerate(choice.parts):
            if index in self._whole:
                continue
            kind = "speech" if index == self._speech else self._kind(part, index)
            if entry := closed({"index": index, "type": kind}, part):
                entries.append(entry)
            if index == self._speech:
                kwargs[AUDIO] = {"data": b64encode(self._speech_rest).decode()} | (part.state or {})
        if entries:
            kwargs[PARTS] = entries
        kwargs |= parsed(choice, self._form, reply)
        metadata = response_metadata(reply, choice, self._model, headers=self._headers)
        texts = {index: part.text for index, part in enumerate(choice.parts) if isinstance(part, Text)}
        return AIMessageChunk(
            content="".join(texts.values()) if texts.keys() == self._commentary else "",
            additional_kwargs=kwargs,
            response_metadata=metadata | other_choices(reply),
            usage_metadata=usage_metadata(reply.usage) if reply.usage else None,
            tool_call_chunks=_ends_of_cut_calls(choice.parts),
            chunk_position="last",
        )

    def _kind(self, part: AnyPart, index: int) -> str:
        """As it was said when the part began."""
        if isinstance(part, Text):
            return COMMENTARY if index in self._commentary else "text"
        return kind_of(part)


_MESSAGE = AIMessageChunk(content="").__getstate__()
_GENERATION = AnswerChunk(message=AIMessageChunk(content="")).__getstate__()


def _text_chunk(text: str, index: int) -> AnswerChunk:
    """A chunk of text, built as unpickling builds it: validation would be half of what a streamed token costs."""
    message = AIMessageChunk.__new__(AIMessageChunk)
    message.__setstate__(
        {
            **_MESSAGE,
            "__dict__": {
                **_MESSAGE["__dict__"],
                "content": text,
                "additional_kwargs": {PARTS: [{"index": index, "type": "text"}]},
                "response_metadata": _ALWAYS.copy(),
                "tool_calls": [],
                "invalid_tool_calls": [],
                "tool_call_chunks": [],
            },
            "__pydantic_extra__": {},
            "__pydantic_fields_set__": {"content", "additional_kwargs", "response_metadata"},
        }
    )
    chunk = AnswerChunk.__new__(AnswerChunk)
    chunk.__setstate__(
        {
            **_GENERATION,
            "__dict__": {**_GENERATION["__dict__"], "message": message, "text": text},
            "__pydantic_fields_set__": {"message"},
        }
    )
    return chunk


def _said(entry: dict[str, Any], strings: dict[str, Any] | None = None, content: str = "") -> AIMessageChunk:
    kwargs = {**(strings or {}), PARTS: [entry]}
    return AIMessageChunk(content=content, additional_kwargs=kwargs, response_metadata=_ALWAYS.copy())


def _sliced(name: str, kind: str, text: str, index: int, *, begins: bool = False) -> AIMessageChunk:
    length = {"length": 0} if begins else {}
    return _said({"index": index, "type": kind, **length}, {name: text} if text else None)


def _call(delta: ToolCallDelta) -> AIMessageChunk:
    """A piece of a call. Only the first names it: merging would join the names."""
    entry = {"index": delta.index, "type": "tool_call", "id": delta.id}
    return AIMessageChunk(
        content="",
        additional_kwargs={} if delta.id is None else {PARTS: [entry]},
        tool_call_chunks=[tool_call_chunk(name=delta.name, args=delta.arguments, id=delta.id, index=delta.index)],
        response_metadata=_ALWAYS.copy(),
    )


def _ends_of_cut_calls(parts: Sequence[AnyPart]) -> list[ToolCallChunk]:
    """Pieces that keep cut calls from being run.

    LangChain mends what is missing in the arguments of a stream's calls, so one that `max_tokens` cut would be run with
    half of its arguments, while the plain answer lists it as invalid. A bracket that closes nothing cannot be mended.
    """
    return [
        tool_call_chunk(name=None, args=_unmendable(part.arguments), id=None, index=index)
        for index, part in enumerate(parts)
        if isinstance(part, ToolCall) and _arguments(part.arguments)[1] and _is_mended(part.arguments)
    ]


def _is_mended(arguments: str) -> bool:
    try:
        return isinstance(parse_partial_json(arguments), dict)
    except ValueError:
        return False


def _unmendable(arguments: str) -> str:
    """The end of the string that the text stops in, if any, and a bracket of the wrong kind."""
    in_string = escaped = False
    open_brackets: list[str] = []
    for char in arguments:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            open_brackets.append(char)
        elif char in "}]" and open_brackets:
            open_brackets.pop()
    wrong = "]" if open_brackets[-1:] == ["{"] else "}"
    return ("\\" if escaped else "") + ('"' if in_string else "") + wrong


def other_choices(reply: ChatReply) -> dict[str, Any]:
    """The other choices of a stream, which is one message: each whole, as a plain dict."""
    return {"other_choices": [_plain(choice) for choice in reply.choices[1:]]} if len(reply.choices) > 1 else {}


def _plain(choice: Choice) -> dict[str, Any]:
    said = {"finish_reason": choice.finish_reason, "logprobs": choice.logprobs, **choice.extras}
    return _fields(choice.parts) | {key: value for key, value in said.items() if value is not None}
