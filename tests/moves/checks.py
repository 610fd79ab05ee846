"""What a provider would say of a history in a request's body: its rules of pairing and order, and what arrived."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests import bodies
from tests.moves import wires

_CLAUDE_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_ITEM_ID = re.compile(r"\b(?:rs|msg|fc|ws|resp|srvtoolu)_move\d")
_STATE = re.compile(r"c2lnbmVk[A-Za-z0-9+/=_-]*|signed-[a-z0-9-]+")
BYPASS = "skip_thought_signature_validator"


@dataclass
class Arrived:
    """What a body says, whichever wire it is for.

    Attributes:
        texts: All words, in order.
        calls: Name and arguments of each call, in order.
        results: What answers each call, in the order of the calls.
        images: The base64 of each.
        problems: What the provider would refuse.
    """

    texts: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return "".join(self.texts)


def arrived(path: str, body: Any) -> Arrived:
    """What a body says, with all that is wrong with it."""
    if path.startswith("/v1/messages"):
        found = _messages(body)
    elif "enerateContent" in path:
        found = _contents(body)
    elif path.endswith("/responses"):
        found = _items(body)
    else:
        found = _chat(body)
    found.problems += bodies.problems(path.partition("?")[0], body)
    return found


def state_in(body: Any) -> set[str]:
    """Signatures and encrypted items in a body, which only their issuer can read."""
    return set(_STATE.findall(json.dumps(body, ensure_ascii=False)))


def item_ids_in(body: Any) -> set[str]:
    """Ids of a provider's own items in a body."""
    return set(_ITEM_ID.findall(json.dumps(body, ensure_ascii=False)))


def missing_from(found: Arrived, told: str) -> list[str]:
    """Which words of the conversation did not arrive, though the history tells them.

    Args:
        found: What arrived.
        told: The history as JSON, with what the user says now.
    """
    heard = found.words + "\n".join(found.results)
    lost = [words for words in wires.SAID if words in told and words not in heard]
    if found.calls != wires.CALLS:
        lost.append(f"calls: {found.calls}")
    if len(found.results) != 2 or wires.RESULT not in found.results[0] or wires.FAILURE not in found.results[1]:
        lost.append(f"results: {found.results}")
    if found.images != [wires.PNG]:
        lost.append(f"images: {len(found.images)}")
    return lost


def _parsed(arguments: Any, problems: list[str]) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        problems.append(f"arguments are no JSON: {arguments!r}")
        return arguments


def _data(url: str) -> str:
    return url.partition(";base64,")[2]


class _Pairs:
    """Calls and results by id. What is open must be answered before anything else is said."""

    def __init__(self, found: Arrived) -> None:
        self._found = found
        self._at: dict[str, int] = {}
        self._open: list[str] = []

    def call(self, identifier: Any, name: str, arguments: Any, fits: bool) -> None:
        if not isinstance(identifier, str) or not fits:
            self._found.problems.append(f"the id of a call is not taken: {identifier!r}")
        if identifier in self._at:
            self._found.problems.append(f"two calls have the id {identifier!r}")
        self._at[identifier] = len(self._found.calls)
        self._open.append(identifier)
        self._found.calls.append((name, _parsed(arguments, self._found.problems)))
        self._found.results.append("")

    def result(self, identifier: Any, text: str) -> None:
        if identifier not in self._open:
            self._found.problems.append(f"a result answers no open call: {identifier!r}")
            return
        self._open.remove(identifier)
        self._found.results[self._at[identifier]] = text

    def close(self) -> None:
        if self._open:
            self._found.problems.append(f"calls that nobody answered: {self._open}")
            self._open = []


def _chat(body: Any) -> Arrived:
    found = Arrived()
    pairs = _Pairs(found)
    for number, message in enumerate(body["messages"]):
        content = message.get("content")
        blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        texts = [block["text"] for block in blocks if block["type"] == "text"]
        if message["role"] == "tool":
            pairs.result(message.get("tool_call_id"), "\n".join(texts))
            continue
        pairs.close()
        if message["role"] in {"system", "developer"} and number:
            found.problems.append("a system message is not the first")
        found.texts += [*texts, *([message["refusal"]] if message.get("refusal") else [])]
        found.images += [_data(block["image_url"]["url"]) for block in blocks if block["type"] == "image_url"]
        for call in message.get("tool_calls") or ():
            named = call.get("function") or {}
            fits = 1 <= len(call.get("id") or "") <= 40
            pairs.call(call.get("id"), named.get("name", ""), named.get("arguments"), fits)
        if message["role"] == "assistant" and not (message.keys() & {"tool_calls", "refusal"}) and content is None:
            found.problems.append("an assistant's message says nothing")
    pairs.close()
    return found


def _items(body: Any) -> Arrived:
    found = Arrived(texts=[body["instructions"]] if body.get("instructions") else [])
    pairs = _Pairs(found)
    for item in body["input"]:
        kind = item.get("type", "message")
        if kind == "function_call":
            fits = 1 <= len(item.get("call_id") or "") <= 64
            pairs.call(item.get("call_id"), item.get("name", ""), item.get("arguments"), fits)
        elif kind == "function_call_output":
            output = item["output"]
            pairs.result(item.get("call_id"), output if isinstance(output, str) else json.dumps(output))
        elif kind == "message":
            pairs.close()
            content = item["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            found.texts += [block["text"] for block in blocks if "text" in block]
            found.texts += [block["refusal"] for block in blocks if "refusal" in block]
            found.images += [_data(block["image_url"]) for block in blocks if block["type"] == "input_image"]
        elif kind == "function":
            found.problems.append("an item of type 'function' is none")
    pairs.close()
    return found


def _messages(body: Any) -> Arrived:
    found = Arrived()
    pairs = _Pairs(found)
    system = body.get("system") or []
    found.texts += [system] if isinstance(system, str) else [block["text"] for block in system]
    before = "assistant"
    for turn in body["messages"]:
        if turn["role"] == before:
            found.problems.append(f"two turns of {before} follow each other")
        before = turn["role"]
        content = turn["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not blocks:
            found.problems.append("a turn is empty")
        kinds = [block["type"] for block in blocks]
        if "tool_result" in kinds and "text" in kinds and kinds.index("text") < kinds.index("tool_result"):
            found.problems.append("words stand before results")
        if turn["role"] == "assistant" or "tool_result" not in kinds:
            pairs.close()
        for block in blocks:
            _block(block, found, pairs)
    pairs.close()
    if before != "user":
        found.problems.append("the last turn is not the user's")
    return found


def _block(block: Any, found: Arrived, pairs: _Pairs) -> None:
    match block["type"]:
        case "text":
            found.texts.append(block["text"])
            if not block["text"].strip():
                found.problems.append("a text is empty")
        case "image":
            found.images.append(block["source"].get("data", ""))
        case "tool_use":
            fits = bool(_CLAUDE_ID.fullmatch(block["id"]))
            pairs.call(block["id"], block["name"], block["input"], fits)
        case "tool_result":
            said = block.get("content", "")
            pairs.result(block["tool_use_id"], said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))
        case "thinking" if not block.get("signature"):
            found.problems.append("a thought has no signature")


def _contents(body: Any) -> Arrived:
    found = Arrived(texts=[part["text"] for part in (body.get("systemInstruction") or {}).get("parts", ())])
    awaited: list[str] = []
    turn_began = max(
        (
            number
            for number, content in enumerate(body["contents"])
            if content["role"] == "user" and not any("functionResponse" in part for part in content["parts"])
        ),
        default=0,
    )
    before = ""
    for number, content in enumerate(body["contents"]):
        responses = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if awaited and [one["name"] for one in responses] != awaited:
            found.problems.append(f"{awaited} were called, {[one['name'] for one in responses]} answer")
        if responses and not awaited:
            found.problems.append("responses without a call")
        found.results += [json.dumps(one["response"], ensure_ascii=False) for one in responses]
        calls = [part for part in content["parts"] if "functionCall" in part]
        awaited = [part["functionCall"]["name"] for part in calls]
        found.calls += [(part["functionCall"]["name"], part["functionCall"].get("args")) for part in calls]
        if any(not _GEMINI_NAME.fullmatch(name) for name in awaited):
            found.problems.append(f"a function's name is not taken: {awaited}")
        if calls and number > turn_began and "thoughtSignature" not in calls[0]:
            found.problems.append("the first call of the current turn has no signature")
        if content["role"] == before == "model":
            found.problems.append("two turns of the model follow each other")
        before = content["role"]
        found.texts += [part["text"] for part in content["parts"] if "text" in part and not part.get("thought")]
        found.images += [part["inlineData"]["data"] for part in content["parts"] if "inlineData" in part]
    if awaited:
        found.problems.append(f"calls that nobody answered: {awaited}")
    if body["contents"][0]["role"] != "user":
        found.problems.append("the first content is not the user's")
    return found
