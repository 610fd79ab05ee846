"""What only a call that is billed can tell: a few tokens of each API, plain and streamed, an embedding, some speech."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from tikhub_ai import catalog
from tikhub_ai.chat import ChatClient
from tikhub_ai.conversation import ChatReply, ChatRequest, Message, Text
from tikhub_ai.deltas import End
from tikhub_ai.doctor.findings import Finding
from tikhub_ai.doctor.paths import CHAT_PATHS
from tikhub_ai.doctor.probe import NOBODY, Outcome, Probe, failed, finding, not_asked
from tikhub_ai.embeddings import EmbeddingsClient
from tikhub_ai.errors import ModelNotFoundError, TikHubAIWarning
from tikhub_ai.routing import CHAT_APIS
from tikhub_ai.settings import Settings
from tikhub_ai.transcription import Transcriber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tikhub_ai.apis.embeddings import EmbeddingsReply
    from tikhub_ai.routing import ChatAPI
    from tikhub_ai.transcript import Transcript

CHEAPEST: dict[str, tuple[str, ...]] = {
    "chat_completions": ("deepseek-v4-flash", "deepseek-chat", "deepseek-flash", "deepseek-v4.1-flash", "gpt-4.1-nano"),
    "responses": ("gpt-4.1-nano", "gpt-4o-mini", "gpt-5-nano", "gpt-4.1-mini"),
    "messages": ("claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-3-haiku-20240307", "claude-haiku-5-5"),
    "generate_content": ("gemini-2.5-flash-lite", "gemini-3.1-flash-lite", "gemini-2.0-flash-lite", "gemini-2.5-flash"),
    "embeddings": ("text-embedding-3-small", "text-embedding-ada-002"),
    "transcriptions": ("whisper-1", "gpt-4o-mini-transcribe"),
}
"""Models to ask, by API, the first that the gateway lists."""
_CHEAP = ("nano", "lite", "mini", "haiku", "flash")
_MAX_TOKENS = 16
"""The least that responses takes."""
_PROMPT = "Say hello."
_DIMENSIONS = 256
_NEEDS_SPEND = "it costs money: give --spend"

_CHAT = "text, a finish reason and counted tokens, in the API's own form"
_STREAM = "an event stream with text, its finish marker, and counted tokens once"
_EMBEDDING = f"a vector for each text, in their order, of the {_DIMENSIONS} dimensions that were asked for, and tokens"
_BASE64 = "base64 is answered in base64, or ignored"
_SPEECH = "words and segments with their times, by the bracketed field, in a language that is named"
_NO_MODEL = "an unknown model is a 503 or a 404 that says model_not_found"


def model_for(probe: Probe, api: str) -> str:
    """The model to ask: the user's, else the cheapest that is listed, else the one that ought to be."""
    if named := probe.named_models.get(api):
        return named
    listed = [model.id for model in probe.models or ()]
    for name in CHEAPEST[api]:
        if name in listed:
            return name
    if api in CHAT_APIS:
        known = [name for name in listed if catalog.facts(name).is_known and catalog.facts(name).api == api]
        for word in _CHEAP:
            for name in known:
                if word in name and not catalog.facts(name).outputs:
                    return name
    return CHEAPEST[api][0]


def chats(probe: Probe) -> Iterator[Finding]:
    """Each chat API, plain and streamed."""
    for api in CHAT_PATHS:
        yield _chat(probe, api, streamed=False)
        yield _chat(probe, api, streamed=True)


def _chat(probe: Probe, api: str, *, streamed: bool) -> Finding:
    check, thought = f"{api}: {'streamed' if streamed else 'plain'}", _STREAM if streamed else _CHAT
    if why := _why_not(probe, api):
        return not_asked(check, why, thought)
    model = model_for(probe, api)
    client = ChatClient(probe.settings, api=cast("ChatAPI", api))
    request = ChatRequest(model, [Message("user", [Text(_PROMPT)])], max_tokens=_MAX_TOKENS)
    with _warned() as said:
        outcome = probe.tried(lambda: list(client.stream(request)) if streamed else client.complete(request))
    if outcome.error is not None:
        return failed(check, thought, probe, outcome, 'api="chat_completions"', model=model)
    deltas = outcome.value if streamed else []
    reply: ChatReply = deltas[-1].reply if streamed and isinstance(deltas[-1], End) else outcome.value
    differences = _reply_differences(reply)
    notes = [f"{reply.model or 'an unnamed model'} answered {model!r}"]
    if streamed:
        more, less = _stream_facts(api, outcome, len(deltas) - 1)
        differences, notes = differences + more, notes + less
    elif not _content_type(outcome).startswith("application/json"):
        differences.append(
            f"the content type is {_content_type(outcome) or 'missing'}; it is read as JSON all the same"
        )
    return finding(check, thought, differences + said, notes)


def _reply_differences(reply: ChatReply) -> list[str]:
    differences = []
    finish = reply.finish_reason
    if not (reply.text or reply.reasoning or finish == "length"):
        differences.append("there is no text")
    if finish is None:
        differences.append("there is no finish reason")
    if reply.usage is None:
        differences.append("no tokens are counted")
    elif not (reply.usage.input_tokens and reply.usage.output_tokens):
        counted = f"{reply.usage.input_tokens} tokens in and {reply.usage.output_tokens} out"
        differences.append(f"tokens are counted wrongly: {counted}")
    if reply.model is None:
        differences.append("the answer does not name its model")
    return differences


def _stream_facts(api: str, outcome: Outcome, pieces: int) -> tuple[list[str], list[str]]:
    """How the bytes of a stream differ, and what else is worth knowing of them."""
    body = outcome.exchange.body if outcome.exchange else b""
    kind = _content_type(outcome)
    differences = (
        [] if kind.startswith("text/event-stream") else [f"the content type is {kind or 'missing'}: no stream"]
    )
    if pieces < 2:
        differences.append("it came in one piece")
    is_done = re.search(rb"(?m)^data:\s*\[DONE\]", body) is not None
    if api == "chat_completions" and not is_done:
        differences.append("there is no [DONE]; the finish reason is taken for the end")
    if api == "responses" and b'"sequence_number"' not in body:
        differences.append("its events have no sequence_number, which is not needed")
    notes = [f"{pieces} pieces"]
    if api != "chat_completions" and is_done:
        notes.append("a [DONE] that the API does not have")
    if comments := len(re.findall(rb"(?m)^:", body)):
        notes.append(f"{comments} comments to keep the connection alive")
    return differences, notes


def embedding(probe: Probe) -> Finding:
    """Two texts at once, shortened."""
    if why := _why_not(probe, "embeddings"):
        return not_asked("embeddings: call", why, _EMBEDDING)
    model = model_for(probe, "embeddings")
    shortens = model.startswith("text-embedding-3")
    client = EmbeddingsClient(probe.settings, model=model, dimensions=_DIMENSIONS if shortens else None)
    with _warned() as said:
        outcome = probe.tried(lambda: client.embed(["Hello.", "Good night."]))
    if outcome.error is not None:
        return failed("embeddings: call", _EMBEDDING, probe, outcome, "none: use another provider's", model=model)
    reply: EmbeddingsReply = outcome.value
    sizes = sorted({len(vector) for vector in reply.vectors})
    differences = []
    if len(reply.vectors) != 2:
        differences.append(f"{len(reply.vectors)} vectors came for 2 texts")
    elif reply.vectors[0] == reply.vectors[1]:
        differences.append("both texts have the same vector")
    if shortens and sizes != [_DIMENSIONS]:
        differences.append(f"`dimensions` is ignored: {sizes} numbers")
    if not reply.usage.input_tokens:
        differences.append("no tokens are counted")
    return finding(
        "embeddings: call", _EMBEDDING, differences + said, [f"{reply.model} answered {model!r}: {sizes[0]} numbers"]
    )


def base64(probe: Probe) -> Finding:
    """One text, its numbers in base64: which relays of this family are known to trip over."""
    check = "embeddings: base64"
    if why := _why_not(probe, "embeddings"):
        return not_asked(check, why, _BASE64)
    model = model_for(probe, "embeddings")
    client = EmbeddingsClient(probe.settings, model=model, encoding_format="base64")
    outcome = probe.tried(lambda: client.embed(["Hello."]))
    if outcome.error is not None:
        found = failed(check, _BASE64, probe, outcome, "none: use another provider's", model=model)
        found.setting = 'encoding_format="float"' if found.verdict == "differs" else found.setting
        return found
    reply: EmbeddingsReply = outcome.value
    return finding(check, _BASE64, [], ["in base64" if reply.is_base64 else "ignored: the numbers come as text"])


def speech(probe: Probe) -> Finding:
    """A second of speech."""
    if why := _why_not(probe, "transcriptions"):
        return not_asked("transcription: call", why, _SPEECH)
    model = model_for(probe, "transcriptions")
    recording = files("tikhub_ai.doctor").joinpath("second.wav").read_bytes()
    given = {name: getattr(probe.settings, name) for name in Settings.__slots__}
    client = Transcriber(model=model, paths=probe.paths or None, **given)
    is_whisper = "whisper" in model
    with _warned() as said:
        outcome = probe.tried(
            lambda: client.transcribe(("second.wav", recording), timestamps=("word", "segment") if is_whisper else None)
        )
    if outcome.error is not None:
        setting = 'paths={"transcriptions": ...}'
        return failed("transcription: call", _SPEECH, probe, outcome, setting, model=model)
    transcript: Transcript = outcome.value
    differences = [] if transcript.text else ["there is no text"]
    notes = [f"heard {transcript.text!r}"]
    if is_whisper:
        differences += [] if transcript.segments else ["there are no segments"]
        differences += [] if transcript.words else ["there are no words: brackets=False may help"]
        differences += [] if transcript.language else ["no language is named"]
        payload = outcome.json if isinstance(outcome.json, dict) else {}
        notes.append(f"language {transcript.language!r}")
        notes.append("words on top" if payload.get("words") else "words within segments" if transcript.words else "")
    return finding("transcription: call", _SPEECH, differences + said, [note for note in notes if note])


def no_such_model(probe: Probe) -> Finding:
    """A model that nobody has, which ought to cost nothing; a gateway that takes any name would answer."""
    check = "an unknown model"
    if why := _why_not(probe, "chat_completions"):
        return not_asked(check, why, _NO_MODEL)
    request = ChatRequest(NOBODY, [Message("user", [Text(_PROMPT)])], max_tokens=_MAX_TOKENS)
    outcome = probe.tried(lambda: ChatClient(probe.settings, api="chat_completions").complete(request))
    if outcome.error is None:
        answered = cast("ChatReply", outcome.value).model
        return finding(check, _NO_MODEL, [f"{answered or 'some model'} answered all the same"])
    if isinstance(outcome.error, ModelNotFoundError):
        return finding(check, _NO_MODEL, [], [f"{outcome.status} {outcome.said}"])
    if outcome.status in {400, 404, 500, 503}:
        name = type(outcome.error).__name__
        return finding(check, _NO_MODEL, [f"it is {name} here: {outcome.status} {outcome.said}"])
    return failed(check, _NO_MODEL, probe, outcome, "", model=NOBODY)


def _why_not(probe: Probe, api: str) -> str:
    """Why a call is not made; empty where it is."""
    if not probe.spend:
        return _NEEDS_SPEND
    return "" if probe.served.get(api, True) else "it is not served"


def _content_type(outcome: Outcome) -> str:
    return outcome.exchange.answer_headers.get("content-type", "").lower() if outcome.exchange else ""


@contextmanager
def _warned() -> Iterator[list[str]]:
    """What this library warns of meanwhile."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
    said += [str(one.message) for one in caught if issubclass(one.category, TikHubAIWarning)]


def all_calls(probe: Probe) -> Iterator[Finding]:
    """Everything that may cost money."""
    yield from chats(probe)
    yield no_such_model(probe)
    yield embedding(probe)
    yield base64(probe)
    yield speech(probe)
