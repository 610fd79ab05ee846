"""An answer of POST /v1/chat/completions, plain or streamed, as deltas. Both go through the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis import free_text
from tikhub_ai.apis.chat_completions.encode import API
from tikhub_ai.apis.chat_completions.usage import usage_of
from tikhub_ai.apis.fields import finish_word, integer, items, mapping, mappings, name, named, text
from tikhub_ai.apis.payloads import EventDecoder, made_id, raise_error_in
from tikhub_ai.apis.torn_calls import TornCalls
from tikhub_ai.conversation import Citation, Issuer, Media, Opaque
from tikhub_ai.deltas import (
    Accumulator,
    AudioDelta,
    CitationDelta,
    Delta,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from tikhub_ai.errors import InvalidResponseError
from tikhub_ai.json_text import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.apis.torn_calls import CallHead
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest

_ANSWER_FIELDS = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation", "error"})
_CHOICE_FIELDS = frozenset({"index", "delta", "message", "finish_reason", "logprobs"})
_MESSAGE_FIELDS = frozenset(
    {"role", "content", "reasoning_content", "reasoning", "reasoning_details", "refusal", "tool_calls", "function_call",
     "annotations", "audio", "images"}
)  # fmt: skip
_TOOL_CALL_FIELDS = frozenset({"index", "id", "type", "function", "custom"})


class Decoder(EventDecoder):
    """Decodes one answer.

    Args:
        request: What was asked: how many answers, what audio format.
        facts: Of the model, for the issuer of its state.
    """

    def __init__(self, request: ChatRequest, facts: ModelFacts) -> None:
        self.accumulator = Accumulator(API)
        self._heads = TornCalls(self.accumulator, request.tools, API)
        super().__init__(self._heads)
        self._is_plain = False
        self._asked_for = integer(request.n) or 1
        self._issuer = Issuer(API, facts.family)
        self._audio_format = named(mapping(request.audio).get("format"))
        self._choices: dict[int, _ChoiceDecoder] = {}

    @property
    def is_complete(self) -> bool:
        """Whether every choice that began has said why it ended. A plain answer is whole without that too."""
        return self._is_plain or self.accumulator.is_finished

    def body(self, payload: dict[str, Any]) -> Sequence[Delta]:
        """Take the JSON body of a plain answer.

        Raises:
            InvalidResponseError: It has no `choices`.
        """
        if not items(payload.get("choices")):
            raise InvalidResponseError(
                f"The answer has no choices: it holds {sorted(payload)}. Check that base_url is the gateway's address."
            )
        deltas: list[Delta] = []
        self._is_plain = True
        self._payload(payload, "", deltas)
        for decoder in self._choices.values():  # also where it does not say why it ended
            decoder.end(deltas)
        self.is_done = True
        return deltas

    def _payload(self, payload: Any, _: str, deltas: list[Delta]) -> None:
        if not isinstance(payload, dict):
            return
        raise_error_in(payload)
        into = self.accumulator
        if into.id is None:
            into.id = named(payload.get("id"))
        if into.model is None:
            into.model = named(payload.get("model"))
        if usage := payload.get("usage"):
            self._usage(usage)
        if not payload.keys() <= _ANSWER_FIELDS:
            for key, value in payload.items():
                if key not in _ANSWER_FIELDS and value is not None:
                    into.extras[key] = value
        choices = items(payload.get("choices"))
        for place, choice in enumerate(choices):
            if isinstance(choice, dict):
                self._choice(choice, place, deltas)
        if usage and not choices and into.is_finished and len(into.finish_reasons) >= self._asked_for:
            self.is_done = True  # OpenAI: "an additional chunk will be streamed before the data: [DONE] message"

    def _usage(self, usage: Any) -> None:
        """The counts: a snapshot, which some say in every chunk, so the last one holds."""
        if isinstance(usage, dict):
            self.accumulator.usage = usage_of(usage)
        else:
            self.accumulator.extras["usage"] = usage

    def _choice(self, choice: dict[str, Any], place: int, deltas: list[Delta]) -> None:
        into = self.accumulator
        number = choice.get("index")
        if type(number) is not int:  # some servers number no choices
            number = place if (found := integer(number)) is None else found
        if self._is_plain and number in self._choices:  # others give all of them one number
            number = max(place, *self._choices) + 1 if place in self._choices else place
        decoder = self._choices.get(number)
        if decoder is None:
            decoder = self._choices[number] = _ChoiceDecoder(
                number, into, self._heads, self._issuer, self._audio_format
            )
        message = choice.get("delta") or choice.get("message")
        if message:
            decoder.message(message if isinstance(message, dict) else {"content": message}, deltas)
        if reason := choice.get("finish_reason"):
            decoder.end(deltas)
            into.finish_reasons[number] = finish_word(reason)
        if logprobs := choice.get("logprobs"):
            into.add_logprobs(number, logprobs)
        if not choice.keys() <= _CHOICE_FIELDS:
            for key, value in choice.items():
                if key not in _CHOICE_FIELDS and value:
                    into.choice_extras.setdefault(number, {})[key] = value


class _ChoiceDecoder:
    """Decodes one choice: gives each part its position, and keeps a part open until another kind begins."""

    __slots__ = (
        "_audio_format",
        "_blank",
        "_by_id",
        "_by_index",
        "_calls",
        "_fragments",
        "_heads",
        "_into",
        "_issuer",
        "_kind",
        "_last_call",
        "_number",
        "_open",
        "_unclosed",
    )

    def __init__(
        self, number: int, into: Accumulator, heads: TornCalls, issuer: Issuer, audio_format: str | None
    ) -> None:
        self._number = number
        self._into = into
        self._heads = heads
        self._issuer = issuer
        self._audio_format = audio_format
        self._kind = ""
        self._open = -1
        self._calls = 0
        self._by_id: dict[str, CallHead] = {}
        self._by_index: dict[int, CallHead] = {}
        self._last_call: CallHead | None = None
        self._fragments: list[str] = []
        self._unclosed: list[int] = []
        self._blank: str | None = None
        into.add_choice(number)

    def message(self, message: dict[str, Any], deltas: list[Delta]) -> None:
        """Take a `delta` or a whole `message`; their fields are the same."""
        content = message.get("content")
        if len(message) == 1 and type(content) is str:  # the common chunk: text and nothing else
            if content:
                self._text(content, deltas)
            return
        if len(message) == 1 and (calls := message.get("tool_calls")):  # so are the pieces of a call's arguments
            self._tool_calls(calls, deltas)
            return
        self._reasoning(message, deltas)
        if content:
            self._content(content, deltas)
        if refusal := message.get("refusal"):
            self._refusal(text(refusal), deltas)
        if images := message.get("images"):
            for image in items(images):
                self._image(image, deltas)
        if audio := message.get("audio"):
            self._audio(mapping(audio), deltas)
        if calls := message.get("tool_calls"):
            self._tool_calls(calls, deltas)
        if function := message.get("function_call"):
            self._tool_call({"index": 0, "function": function}, deltas)
        if annotations := message.get("annotations"):
            self._annotations(mappings(annotations), deltas)
        if not message.keys() <= _MESSAGE_FIELDS:
            self._unknown(message, deltas)

    def _content(self, content: Any, deltas: list[Delta]) -> None:
        if isinstance(content, list | dict):
            for block in items(content):
                self._content_block(block, deltas)
        elif words := text(content):
            self._text(words, deltas)

    def _refusal(self, words: str, deltas: list[Delta]) -> None:
        if words:
            self._give(RefusalDelta(words, self._position("refusal"), self._number), deltas)

    def _give(self, delta: Delta, deltas: list[Delta]) -> None:
        self._into.add(delta)
        deltas.append(delta)

    def _position(self, kind: str) -> int:
        """The open part's position, if it is of this kind; else a new one's."""
        if self._kind != kind:
            self._kind = kind
            self._open = self._into.next_index(self._number)
        return self._open

    def _text(self, words: str, deltas: list[Delta]) -> None:
        if self._kind != "text":
            self._fragments = self._into.text_fragments(self._number, self._position("text"))
        self._fragments.append(words)
        deltas.append(TextDelta(words, self._open, self._number))

    def _content_block(self, block: Any, deltas: list[Delta]) -> None:
        """Content as a list of blocks, as Mistral's models and some relays send it."""
        match block:
            case str() if block:
                self._text(block, deltas)
            case {"type": "text" | "output_text", "text": str(words)}:
                if words:
                    self._text(words, deltas)
            case {"type": "thinking", "thinking": thinking}:
                self._thought(text(thinking), {"field": "content"}, deltas)
            case {"type": "refusal", "refusal": str(words)}:
                self._refusal(words, deltas)
            case {"type": "image_url"}:
                self._image(block, deltas)
            case dict():
                self._whole(Opaque(block, issuer=self._issuer), deltas)
            case _:
                pass

    def _reasoning(self, message: dict[str, Any], deltas: list[Delta]) -> None:
        """`reasoning_content` (DeepSeek and most), `reasoning` (vLLM, OpenRouter), `reasoning_details` (OpenRouter).

        Relays send the same words under several of these names: one counts, the rest is kept as state.
        """
        details = message.get("reasoning_details")
        for field in ("reasoning_content", "reasoning"):
            said = message.get(field)
            if said and (words := text(said)):
                state: dict[str, Any] = {"field": field}
                if isinstance(details, list) and details:
                    state["reasoning_details"] = details
                self._thought(words, state, deltas)
                return
            if said == "" and self._blank is None:
                self._blank = field
        if isinstance(details, list) and details:
            words = "".join(text(item.get("text")) or text(item.get("summary")) for item in mappings(details))
            self._thought(words, {"reasoning_details": details}, deltas)

    def _thought(self, words: str, state: dict[str, Any], deltas: list[Delta]) -> None:
        opened = self._kind != "reasoning"
        self._blank = ""
        position = self._position("reasoning")
        if not opened:  # said with the part's first delta; only what grows is said again
            state = {"reasoning_details": state["reasoning_details"]} if "reasoning_details" in state else {}
        issuer = self._issuer if state else None
        self._give(ReasoningDelta(words, position, self._number, state or None, issuer), deltas)

    def _whole(self, part: Any, deltas: list[Delta]) -> None:
        self._kind = ""
        self._give(PartDelta(part, self._into.next_index(self._number), self._number), deltas)

    def _image(self, image: Any, deltas: list[Delta]) -> None:
        """Image output, as OpenRouter and some relays send it for Gemini."""
        url = image.get("image_url") if isinstance(image, dict) else None
        address = url.get("url") if isinstance(url, dict) else url
        if not isinstance(address, str):
            return
        if address.startswith("data:") and ";base64," in address:
            mime, _, data = address[5:].partition(";base64,")
            self._whole(Media("image", data=data, mime_type=mime, issuer=self._issuer), deltas)
        else:
            self._whole(Media("image", url=address, issuer=self._issuer), deltas)

    def _audio(self, audio: dict[str, Any], deltas: list[Delta]) -> None:
        if not audio:
            return
        state = {key: audio[key] for key in ("id", "expires_at") if audio.get(key) is not None}
        delta = AudioDelta(
            self._position("audio"),
            self._number,
            data=name(audio.get("data")),
            transcript=text(audio.get("transcript")),
            mime_type=f"audio/{self._audio_format}" if self._audio_format else None,
            state=state or None,
            issuer=self._issuer,
        )
        self._give(delta, deltas)

    def _annotations(self, annotations: list[dict[str, Any]], deltas: list[Delta]) -> None:
        """Sources of the answer's text: they come with it, or in a chunk after it."""
        if not annotations:
            return
        if self._kind != "text":
            self._fragments = self._into.text_fragments(self._number, self._position("text"))
        self._give(CitationDelta([_citation(item) for item in annotations], self._open, self._number), deltas)

    def _unknown(self, message: dict[str, Any], deltas: list[Delta]) -> None:
        """Fields that have no name here, such as Gemini's `extra_content`: kept, and sent back to their issuer."""
        value = {key: message[key] for key in message.keys() - _MESSAGE_FIELDS if _says_something(message[key])}
        if value:
            self._whole(Opaque(value, issuer=self._issuer), deltas)

    def end(self, deltas: list[Delta]) -> None:
        """The choice has ended: close what only its end closes."""
        for position in self._unclosed:
            self._give(ToolCallDelta(free_text.CLOSING, position, self._number), deltas)
        self._unclosed = []
        if self._blank and self._calls and self._issuer.family != "gpt":  # DeepSeek wants its empty thought back, too
            self._thought("", {"field": self._blank}, deltas)
        self._heads.settle(self._number)

    # --- tool calls -------------------------------------------------------------------------------------------------

    def _tool_calls(self, calls: Any, deltas: list[Delta]) -> None:
        for call in mappings(calls):
            self._tool_call(call, deltas)

    def _tool_call(self, piece: dict[str, Any], deltas: list[Delta]) -> None:
        custom = piece.get("custom")
        custom = mapping(custom) if custom else None
        function = custom or mapping(piece.get("function"))
        arguments = function.get("input" if custom else "arguments")
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):  # some relays send the object itself
            arguments = dumps(arguments)
        state: dict[str, Any] = {}
        if not piece.keys() <= _TOOL_CALL_FIELDS:
            state = {key: value for key, value in piece.items() if key not in _TOOL_CALL_FIELDS and value is not None}
        called = name(function.get("name"))
        given_id = name(piece.get("id"))
        call, is_new = self._call_of(piece.get("index"), given_id, called, arguments, is_free_text=custom is not None)
        if custom:
            arguments = free_text.escaped(arguments)
            if is_new:
                arguments = free_text.OPENING + arguments
                state["type"] = "custom"
                self._unclosed.append(call.position)
        issuer = self._issuer if state else None
        delta = ToolCallDelta(arguments, call.position, self._number, state=state or None, issuer=issuer)
        if is_new:
            delta.id, delta.name = call.id, call.called
            self._kind = ""
        else:
            if call.says_again(arguments):  # the event came twice
                arguments = delta.arguments = ""
            if (more := call.take(given_id, called, arguments)) is not None:
                delta.name = more
        if given_id:
            self._by_id.setdefault(given_id, call)
        self._give(delta, deltas)

    def _call_of(
        self, index: Any, given_id: str, called: str, arguments: str, *, is_free_text: bool
    ) -> tuple[CallHead, bool]:
        """The call that a piece continues, or a new one.

        Relays send index 0 for every call, no index, no id, another id or the whole head with every piece. The id finds
        the call, else the index, else it is the last one, where the piece can be more of it (`CallHead.goes_on_with`).
        """
        if type(index) is not int:
            index = integer(index)
        call = self._by_id.get(given_id) if given_id else None
        if call is None:
            call = self._last_call if index is None else self._by_index.get(index)
            if call is not None and (given_id or called) and not call.goes_on_with(given_id, called, arguments):
                call = None  # a piece with neither is the common one, and goes on
        if call is not None:
            return call, False
        call = self._heads.begin(
            self._into.next_index(self._number),
            self._number,
            id=given_id or self._made_id(),
            name=called,
            says=arguments,
            is_id_made=not given_id,
            is_free_text=is_free_text,
        )
        self._calls += 1
        if index is not None:
            self._by_index[index] = call
        self._last_call = call
        return call, True

    def _made_id(self) -> str:
        """An id where the wire has none: the same in every decoding of one answer, another in every answer."""
        return made_id("call_", self._into.id, self._number, self._calls)


def _says_something(value: Any) -> bool:
    """Not null, and no object of nulls: litellm's plain answers have `provider_specific_fields: {"refusal": null}`."""
    return any(map(_says_something, value.values())) if isinstance(value, dict) else value is not None


def _citation(annotation: dict[str, Any]) -> Citation:
    kind = name(annotation.get("type")) or "annotation"
    source = mapping(annotation.get(kind)) or annotation
    return Citation(
        type=kind,
        url=named(source.get("url")),
        title=named(source.get("title")),
        start=integer(source.get("start_index")),
        end=integer(source.get("end_index")),
        raw=annotation,
    )
