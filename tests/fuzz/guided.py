"""Fuzzing that coverage guides, by atheris: `make fuzz` runs it beside hypothesis, in an environment of its own.

    python tests/fuzz/guided.py sse -max_total_time=60

A target is one of `TARGETS`. Its corpus is tests/fuzz/corpus/<target>: what is found goes to the folder that is named
first, which `make fuzz` makes for the time being. Nothing may leave a target but a member of the error tree.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

with atheris.instrument_imports(include=["tikhub_ai"]):
    from tikhub_ai import ChatRequest, Message, Text, TikHubAIError
    from tikhub_ai.apis import chat_completions, embeddings, generate_content, messages, responses, transcriptions
    from tikhub_ai.apis.transcriptions import TranscriptDecoder
    from tikhub_ai.catalog import facts
    from tikhub_ai.chat import ChatReader
    from tikhub_ai.error_bodies import error_from_response
    from tikhub_ai.http.multipart import MultipartBody
    from tikhub_ai.http.sse import SSEDecoder
    from tikhub_ai.wire import ApiResponse, FilePart, FormField, Upload

REQUEST = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])
EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}


def sse(data: bytes) -> None:
    """The pieces make no difference to the events, and an end ends them."""
    size = data[0] % 40 + 1 if data else 1
    whole, cut = SSEDecoder(), SSEDecoder()
    at_once = [*whole.feed(data), *whole.close()]
    pieces = [event for at in range(0, len(data), size) for event in cut.feed(data[at : at + size])]
    assert at_once == [*pieces, *cut.close()], "the pieces make a difference"


def _chat(module: object, data: bytes) -> None:
    reader = ChatReader(module.decoder(REQUEST, facts("m")), EVENTS)  # type: ignore[attr-defined]  # a codec
    for at in range(0, len(data), 97):
        reader.feed(data[at : at + 97])
    reader.end()
    assert reader.error is None or isinstance(reader.error, TikHubAIError)
    plain = ChatReader(module.decoder(REQUEST, facts("m")), JSON)  # type: ignore[attr-defined]  # likewise
    plain.feed(data)
    plain.end()


def chat_completions_stream(data: bytes) -> None:
    """OpenAI's chat."""
    _chat(chat_completions, data)


def messages_stream(data: bytes) -> None:
    """Anthropic's."""
    _chat(messages, data)


def responses_stream(data: bytes) -> None:
    """OpenAI's responses."""
    _chat(responses, data)


def generate_content_stream(data: bytes) -> None:
    """Google's."""
    _chat(generate_content, data)


def transcripts(data: bytes) -> None:
    """What is answered to a recording."""
    for kind in (JSON, {"content-type": "text/plain"}):
        try:
            TranscriptDecoder().body(ApiResponse(200, kind, data))
            transcriptions.decode(ApiResponse(200, kind, data))
        except TikHubAIError:
            continue


def vectors(data: bytes) -> None:
    """What is answered to texts."""
    try:
        embeddings.decode(ApiResponse(200, JSON, data), 2)
    except TikHubAIError:
        return


def errors(data: bytes) -> None:
    """The body of an error."""
    status = 400 + (data[0] % 130 if data else 0)
    error = error_from_response(status, JSON, data[1:], retry_after=None)
    assert isinstance(error, TikHubAIError)
    assert str(error)


def multipart(data: bytes) -> None:
    """A form is as long as it says, whatever stands in it."""
    text = data.decode("utf-8", "surrogateescape")
    name, _, rest = text.partition("\n")
    value, _, file = rest.partition("\n")
    content = file.encode("utf-8", "surrogateescape")
    upload = Upload(content, name[:40], len(content), head=content[:100])
    try:
        body = MultipartBody([FormField(name, value), FilePart("file", name[:40] or "a", "audio/mpeg", upload)])
        sent = b"".join(body.pieces())
    except (TikHubAIError, UnicodeError):
        return
    assert sent.endswith(b"--\r\n")


TARGETS = {
    target.__name__: target
    for target in (
        sse,
        chat_completions_stream,
        messages_stream,
        responses_stream,
        generate_content_stream,
        transcripts,
        vectors,
        errors,
        multipart,
    )
}


def main() -> None:
    """Run the target that is named first, with libFuzzer's own options behind it."""
    warnings.simplefilter("ignore")
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
