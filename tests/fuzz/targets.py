"""What `make fuzz` lets coverage guide inputs to, and what `make test` runs its kept inputs through: test_corpus.py.

A target is one of `TARGETS`. Nothing may leave one but a member of the error tree, and what it asserts must hold. Its
corpus is tests/fuzz/corpus/<target>. Nothing here needs atheris: guided.py does.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial

from tests.fuzz import guided_forms
from tests.fuzz.choices import Choices
from tests.fuzz.guided_json import restored
from tikhub_ai import ChatRequest, Message, Text, TikHubAIError
from tikhub_ai.apis import (
    chat_completions,
    embeddings,
    generate_content,
    kling,
    messages,
    responses,
    seedance,
    transcriptions,
    veo,
    videos,
)
from tikhub_ai.apis.jobs.long_texts import LongTexts
from tikhub_ai.apis.transcriptions import TranscriptDecoder
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.http.sse import SSEDecoder
from tikhub_ai.video_job import VideoRequest, decoded
from tikhub_ai.wire import ApiResponse

MARK = "*mark*"
VIDEO = VideoRequest("m", "a cat")
REQUEST = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])
EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}


def sse(data: bytes) -> None:
    """The pieces make no difference to the events, and an end ends them."""
    whole = SSEDecoder()
    at_once = [*whole.feed(data), *whole.close()]
    for size in (1, data[0] % 40 + 2 if data else 2):
        cut = SSEDecoder()
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
    """What is answered to a recording, whole and streamed."""
    for kind in (JSON, {"content-type": "text/plain"}):
        with suppress(TikHubAIError):
            TranscriptDecoder().body(ApiResponse(200, kind, data))
        with suppress(TikHubAIError):
            transcriptions.decode(ApiResponse(200, kind, data))
    reader, decoder = SSEDecoder(), TranscriptDecoder()
    with suppress(TikHubAIError):
        for event in [*reader.feed(data), *reader.close()]:
            decoder.event(event)
    assert isinstance(decoder.transcript().text, str)


def jobs(data: bytes) -> None:
    """What is answered to a create, a poll, a list and a deletion of each family of videos."""
    response = ApiResponse(200, JSON, data)
    for family in (kling, seedance, veo, videos):
        for read in (family.decode, partial(family.decode_created, request=VIDEO)):
            with suppress(TikHubAIError):
                update = read(response)
                assert update.id or update.status or update.raw_status is not None or update.videos
                assert update.progress is None or 0 <= update.progress <= 100
    for read_more in (videos.decode_list, videos.decode_deleted):
        with suppress(TikHubAIError):
            read_more(response)


def films(data: bytes) -> None:
    """A long text is put aside from JSON and is the same text, and a film's bytes the same, however they are cut."""
    size = data[0] * 3 + 1 if data else 1
    texts = [data[at : at + size] for at in range(1, len(data), size)]
    aside: dict[int, bytes] = {}
    reader = LongTexts(lambda number, piece: aside.update({number: aside.get(number, b"") + piece}), MARK, 256)
    left = b"".join(map(reader.feed, texts)) + reader.close()
    with suppress(ValueError, RecursionError):
        assert restored(json.loads(left), MARK, aside) == json.loads(data[1:])
    assert _film([data[1:]]) == _film(texts)


def _film(texts: list[bytes]) -> bytes | None:
    try:
        return b"".join(decoded(texts))
    except TikHubAIError:
        return None


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
    """A form is read back by a server's parser as it was made, whatever stands in it."""
    guided_forms.check(Choices(data))


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
        jobs,
        films,
        errors,
        multipart,
    )
}
HEADED = ("films", "errors")
"""What the first byte of an input chooses something for; the rest is the answer."""
