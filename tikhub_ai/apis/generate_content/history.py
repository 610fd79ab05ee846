"""A conversation as the `contents` and `systemInstruction` of generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from tikhub_ai.apis.common_history import (
    OPENING,
    Dropped,
    in_words,
    paired,
    parsed_arguments,
    parsed_object,
    result_parts,
    warn_of_lone_thoughts,
    warn_of_opening,
)
from tikhub_ai.apis.generate_content.media import media_data, media_part, part_options
from tikhub_ai.apis.generate_content.names import GEMINI_3, camelised, is_from
from tikhub_ai.conversation import (
    AnyPart,
    Document,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from tikhub_ai.errors import InvalidRequestError, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.apis.generate_content.names import Generation

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""What Google's guide on thought signatures lets stand for one, in a history that another model made."""
_OURS = frozenset({"id", "field"})
"""State that is no field of the wire's part: the wire's id of a call, and the name of a server tool's field."""


def encode_contents(
    messages: Sequence[Message], issuer: Issuer, generation: Generation | None
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The wire's `contents` and `systemInstruction`.

    Args:
        messages: The conversation; not changed.
        issuer: Who will read it: only state that it issued is sent.
        generation: Of the model.

    Raises:
        InvalidRequestError: A tool result without its call, or nothing to answer to.
    """
    messages = paired(messages)
    encoder = _Encoder(issuer, generation)
    for message in messages:
        encoder.add(message)
    return encoder.finish()


def without_lone_thoughts(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contents without thoughts that nothing of the same answer follows, as in one that was cut short."""
    out: list[dict[str, Any]] = []
    count = 0
    for content in contents:
        parts = content["parts"]
        kept = len(parts)
        while content["role"] == "model" and kept and parts[kept - 1].get("thought"):
            kept -= 1
        count += len(parts) - kept
        if kept < len(parts):
            content = {**content, "parts": parts[:kept]}  # noqa: PLW2901
        if content["parts"]:
            out.append(content)
    warn_of_lone_thoughts("generate_content", count)
    return out


class _Encoder:
    """Builds the wire's list; consecutive messages of one role become one content."""

    def __init__(self, issuer: Issuer, generation: Generation | None) -> None:
        self._issuer = issuer
        self._generation = generation
        self._system: list[dict[str, Any]] = []
        self._contents: list[dict[str, Any]] = []
        self._calls: dict[str, ToolCall] = {}
        self._order: dict[str, int] = {}
        self._answered: dict[int, int] = {}
        self._hoisted: list[dict[str, Any]] = []
        self._dropped = Dropped(issuer)

    def add(self, message: Message) -> None:
        if message.role in {"system", "developer"} and not self._contents:
            self._system += self._instructions(message.parts)
        elif message.role == "assistant":
            self._flush_hoisted()
            self._say("model", self._parts(message.parts, of_model=True))
        else:  # later instructions have no other place than among what the user says
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            rest = [part for part in message.parts if not isinstance(part, ToolResult)]
            if results:
                self._say("user", [self._tool_result(result) for result in results])
            if spoken := self._parts(rest):
                self._flush_hoisted()
                self._say("user", spoken)

    def finish(self) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        self._flush_hoisted()
        self._dropped.warn()
        if not self._contents:
            raise InvalidRequestError(
                "generate_content needs something to answer to: the conversation holds no text, media or tool result "
                "beside the system message."
            )
        self._contents = without_lone_thoughts(self._contents)
        if self._contents and any("functionCall" in part for part in self._contents[0]["parts"]):
            warn_of_opening("generate_content")
            self._contents.insert(0, {"role": "user", "parts": [{"text": OPENING}]})
        for content in self._contents:
            self._in_order_of_calls(content["parts"])
        self._sign_calls()
        return self._contents, {"parts": self._system} if self._system else None

    def _say(self, role: str, parts: list[dict[str, Any]], *, apart: bool = False) -> None:
        if not parts:
            return
        if self._contents and self._contents[-1]["role"] == role and not apart:
            self._contents[-1]["parts"] += parts
        else:
            self._contents.append({"role": role, "parts": parts})

    def _flush_hoisted(self) -> None:
        """Media of tool results, for models whose function responses hold none.

        They stand in a content of their own: beside function responses the wire counts them as one too many
        (gemini-cli#16135), after them it takes them (recorded by pydantic-ai with gemini-2.5-flash).
        """
        if self._hoisted:
            self._say("user", self._hoisted, apart=True)
            self._hoisted = []

    def _instructions(self, parts: Sequence[AnyPart]) -> list[dict[str, Any]]:
        """What a system message says; the wire takes words alone there."""
        out: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, Document):
                out += self._instructions(in_words(part))
            elif not isinstance(part, Text):
                kind = part.kind if isinstance(part, Media) else type(part).__name__
                warn(f"generate_content takes words alone as instructions: {kind} of a system message is left out.")
            elif part.text:
                out.append({"text": part.text})
        return out

    # --- parts ------------------------------------------------------------------------------------------------------

    def _parts(self, parts: Sequence[AnyPart], *, of_model: bool = False) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, Document):
                out += self._parts(in_words(part))
            elif (wire := self._part(part, of_model=of_model)) is not None:
                out.append(wire)
        return out

    def _part(self, part: AnyPart, *, of_model: bool) -> dict[str, Any] | None:
        state = self._state(part)
        match part:
            case Text() if part.text or state:
                return {"text": part.text} | part_options(part.options) | state
            case Refusal() if part.text:
                return {"text": part.text}
            case Text() | Refusal():
                return None  # the wire refuses an empty text, and it says nothing
            case Reasoning() if part.issuer == self._issuer:
                return {"text": part.text, "thought": True} | state
            case ToolCall():
                return self._tool_call(part) | state
            case Media():
                return self._media(part, state, of_model=of_model)
            case ServerToolCall() | ServerToolResult() if part.issuer == self._issuer:
                return _server_tool(part) | state
            case Opaque() if part.issuer == self._issuer:
                return dict(part.value)
            case Opaque() if part.issuer is None and not of_model:  # Google's, as its SDK or its wire spells it
                wire: dict[str, Any] = camelised(part.value)
                return wire
            case Reasoning() | ServerToolCall() | ServerToolResult() | Opaque() | ToolResult() | Document():
                self._dropped.add(part)
                return None
            case _:
                assert_never(part)

    def _state(self, part: AnyPart) -> dict[str, Any]:
        """The fields beside a part's own, such as its thought signature, as they came from whom they go to."""
        if part.issuer != self._issuer or not part.state:
            return {}
        return {name: value for name, value in part.state.items() if name not in _OURS}

    def _media(self, part: Media, state: dict[str, Any], *, of_model: bool) -> dict[str, Any] | None:
        if of_model and part.issuer not in {None, self._issuer}:
            if part.kind == "audio" and part.transcript:
                return {"text": part.transcript}
            if part.data is None:
                self._dropped.add(part)
                return None
        return media_part(part, self._generation) | state

    # --- tools ------------------------------------------------------------------------------------------------------

    def _tool_call(self, call: ToolCall) -> dict[str, Any]:
        self._calls[call.id] = call
        self._order[call.id] = len(self._order)
        function: dict[str, Any] = {"name": call.name, "args": _arguments(call)}
        if wire_id := self._wire_id(call):
            function["id"] = wire_id
        return {"functionCall": function}

    def _wire_id(self, call: ToolCall) -> str | None:
        """The call's id where the wire gave one. A made one, or another provider's, means nothing to it."""
        given = (call.state or {}).get("id") if call.issuer == self._issuer else None
        return str(given) if given else None

    def _tool_result(self, result: ToolResult) -> dict[str, Any]:
        content = result_parts(result)
        call = self._calls[result.tool_call_id]
        response: dict[str, Any] = {"name": result.name or call.name}
        if wire_id := self._wire_id(call):
            response["id"] = wire_id
        response["response"] = _response(result, "\n".join(part.text for part in content if isinstance(part, Text)))
        if media := [part for part in content if isinstance(part, Media)]:
            if is_from(self._generation, GEMINI_3):
                response["parts"] = [media_data(part) for part in media]
            else:
                self._hoisted.append({"text": f"Result of {response['name']}:"})
                self._hoisted += [media_part(part, self._generation) for part in media]
        options = result.options or {}
        for name, given in (("scheduling", None), ("willContinue", "will_continue")):
            if (value := options.get(name, options.get(given) if given else None)) is not None:
                response[name] = value
        wire = {"functionResponse": response}
        self._answered[id(wire)] = self._order[result.tool_call_id]
        return wire

    def _in_order_of_calls(self, parts: list[dict[str, Any]]) -> None:
        """Where calls have no ids, the wire tells two results of one function apart by their order alone."""
        places = [place for place, part in enumerate(parts) if id(part) in self._answered]
        ordered = sorted((parts[place] for place in places), key=lambda part: self._answered[id(part)])
        for place, part in zip(places, ordered, strict=True):
            parts[place] = part

    def _sign_calls(self) -> None:
        """Thought signatures that calls must have.

        Gemini signs the first of parallel calls, and from Gemini 3 on answers 400 where the first call of a step since
        the user last spoke has none. A sibling's is copied where the first call lost its own; where no call of the
        step has one, another model made it, and Google's word for that stands in.
        """
        start = 0
        for number, content in enumerate(self._contents):
            goes_on = any("functionResponse" in part for part in content["parts"]) or (
                number > 0 and self._contents[number - 1]["role"] == "user"  # media of the results before it
            )
            if content["role"] == "user" and not goes_on:
                start = number
        for number, content in enumerate(self._contents):
            calls = [part for part in content["parts"] if "functionCall" in part]
            if not calls or "thoughtSignature" in calls[0]:
                continue
            signature = next((part["thoughtSignature"] for part in calls if "thoughtSignature" in part), None)
            if signature is None and number >= start and is_from(self._generation, GEMINI_3):
                signature = SKIP_SIGNATURE
            if signature is not None:
                calls[0]["thoughtSignature"] = signature


def _server_tool(part: ServerToolCall | ServerToolResult) -> dict[str, Any]:
    """A server tool's part as it came."""
    state = part.state or {}
    name = str(state.get("field") or "")
    value: dict[str, Any] = {"id": state["id"]} if state.get("id") else {}
    if isinstance(part, ServerToolCall):
        said = part.arguments
        if name == "toolCall":
            value["toolType"] = part.name.upper()
            said = None if said is None else {"args": said}
    else:
        said = part.output
    return {name: {**(said if isinstance(said, dict) else {"output": said} if said else {}), **value}}


def _arguments(call: ToolCall) -> dict[str, Any]:
    arguments = parsed_arguments(call)
    if arguments is not None:
        return arguments
    warn(f"The arguments of a call of {call.name!r} are no JSON object: generate_content gets them as one text.")
    return {"arguments": call.arguments}


def _response(result: ToolResult, text: str) -> dict[str, Any]:
    """What a function gave back, as the object that the wire wants."""
    found: Any = None
    if text.lstrip().startswith("{"):
        found = parsed_object(text)
    if result.is_error:
        return {"error": found if isinstance(found, dict) else text}
    return found if isinstance(found, dict) else {"output": text}
