"""Every recorded transcription: its answer beside what the openai SDK makes of it, its form beside ours."""

from __future__ import annotations

import email
import json
from typing import Any

import pytest

from tests.wire.media import MediaExchange, media_recordings
from tests.wire.reading import openai_sdk
from tests.wire.recordings import needs_recordings
from tikhub_ai.apis.transcriptions import TranscriptDecoder, decode, encode
from tikhub_ai.file_types import HEAD
from tikhub_ai.http.sse import SSEDecoder
from tikhub_ai.transcript import Transcript, TranscriptEvent, TranscriptionRequest
from tikhub_ai.wire import FilePart, Upload

pytestmark = needs_recordings
EXCHANGES: list[Any] = [
    pytest.param(exchange, id=f"{param.id}[{number}]")
    for param in media_recordings("transcriptions")
    for number, exchange in enumerate(param.values[0])
]


def is_stream(exchange: MediaExchange) -> bool:
    return "event-stream" in exchange.response.headers.get("content-type", "")


def whole(exchange: MediaExchange) -> Transcript:
    return decode(exchange.answer())


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_recorded_answer_is_read_as_the_sdk_reads_it(exchange: MediaExchange) -> None:
    transcript = whole(exchange)
    assert transcript.text
    if is_stream(exchange):
        return
    sdk = openai_sdk(200, exchange.response.headers, exchange.response.body)
    said: Any = sdk.audio.transcriptions.create(file=("a.wav", b""), model="m")
    if isinstance(said, str):
        assert transcript.raw == said
        return
    assert transcript.text == said.text.strip()
    facts = said.model_dump()
    assert [(word.word, word.start) for word in transcript.words] == [
        (word["word"].strip(), word["start"]) for word in facts.get("words") or ()
    ]
    assert [(part.start, part.end, part.text) for part in transcript.segments] == [
        (part["start"], part["end"], part["text"].strip()) for part in facts.get("segments") or ()
    ]


@pytest.mark.parametrize("exchange", [param for param in EXCHANGES if is_stream(param.values[0])])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_stream_folds_to_the_same_transcript_however_it_is_cut(exchange: MediaExchange, size: int) -> None:
    sse, decoder = SSEDecoder(), TranscriptDecoder()
    made: list[TranscriptEvent] = []
    body = exchange.response.body
    events = [event for at in range(0, len(body), size) for event in sse.feed(body[at : at + size])] + sse.close()
    for event in events:
        made += decoder.event(event)
    assert decoder.is_complete
    assert decoder.is_done
    assert [event.kind for event in made].count("done") == 1
    said = "".join(event.text for event in made[:-1]).strip()
    assert said == made[-1].text == decoder.transcript().text
    assert decoder.transcript() == whole(exchange)
    assert decoder.transcript().usage.total_tokens > 0
    last = events[-2].data  # before [DONE]
    cut = TranscriptDecoder()
    for event in events[: [event.data for event in events].index(last)]:
        cut.event(event)
    assert not cut.is_complete
    assert cut.transcript().text == decoder.transcript().text


def parts_of(exchange: MediaExchange) -> list[tuple[str, str | None, bytes]]:
    kind = exchange.request_headers["content-type"].encode()
    message = email.message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + exchange.request)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            bytes(part.get_payload(decode=True) or b""),
        )
        for part in message.get_payload()
        if not isinstance(part, str)
    ]


@pytest.mark.parametrize("exchange", [param for param in EXCHANGES if param.values[0].request])
@pytest.mark.filterwarnings("ignore:audio_sample.mp3 is audio/wav")
def test_every_recorded_form_can_be_asked_for_by_our_names(exchange: MediaExchange) -> None:
    parts = parts_of(exchange)
    fields = {name: value.decode() for name, filename, value in parts if filename is None}
    content, filename = next((value, filename) for _, filename, value in parts if filename)
    asked: dict[str, Any] = {
        "language": fields.pop("language", None),
        "response_format": fields.pop("response_format", "json"),
        "stream": fields.pop("stream", "") == "true",
        "chunking": fields.pop("chunking_strategy", None),
    }
    if granularity := fields.pop("timestamp_granularities[]", None):
        asked |= {"timestamps": (granularity,), "response_format": "verbose_json"}
    request = encode(
        TranscriptionRequest(
            fields.pop("model"), Upload(content, filename, len(content), content[:HEAD]), extra_body=fields, **asked
        )
    )
    sent = {part.name: part.value for part in request.form or () if not isinstance(part, FilePart)}
    recorded = {name: value.decode() for name, filename, value in parts if filename is None}
    assert sent | recorded == sent
    assert set(sent) - set(recorded) <= {"response_format", "chunking_strategy"}
    file = (request.form or ())[-1]
    assert isinstance(file, FilePart)
    assert file.filename.endswith(".wav")


@pytest.mark.parametrize("exchange", [param for param in EXCHANGES if not is_stream(param.values[0])])
def test_a_whole_answer_to_a_stream_is_one_delta_and_the_end(exchange: MediaExchange) -> None:
    made = TranscriptDecoder().body(exchange.answer())
    assert [event.kind for event in made] == ["delta", "done"]
    assert made[-1].transcript == whole(exchange)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_answer_survives_a_gateway_that_labels_it_wrongly(exchange: MediaExchange) -> None:
    expected = whole(exchange)
    for label in ("text/plain", "application/octet-stream", ""):
        exchange.response.headers = {"content-type": label}
        assert whole(exchange) == expected
    if not is_stream(exchange) and exchange.response.body.lstrip().startswith(b"{"):
        exchange.response.body = json.dumps(json.loads(exchange.response.body), indent=2).encode()
        assert whole(exchange) == expected
