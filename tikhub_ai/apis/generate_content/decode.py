"""An answer of generateContent, plain or streamed, as deltas. Both go through the same code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.generate_content.candidate import CandidateDecoder
from tikhub_ai.apis.generate_content.encode import API
from tikhub_ai.apis.generate_content.finish_reasons import raise_if_blocked
from tikhub_ai.apis.generate_content.names import with_wire_names
from tikhub_ai.apis.generate_content.usage import has_counts, usage_of
from tikhub_ai.apis.payloads import payloads_of, raise_error_in, says_done
from tikhub_ai.conversation import Issuer
from tikhub_ai.deltas import Accumulator, Delta
from tikhub_ai.errors import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest
    from tikhub_ai.wire import ServerSentEvent

_ANSWER_FIELDS = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "error"})


class Decoder:
    """Decodes one answer.

    Args:
        request: What was asked: its length makes the ids of calls that the wire gives none.
        facts: Of the model, for the issuer of its state.
    """

    def __init__(self, request: ChatRequest, facts: ModelFacts) -> None:
        self._into = Accumulator(API)
        self._usage: dict[str, Any] | None = None
        self.is_done = False
        self._is_plain = False
        self._turn = len(request.messages)
        self._issuer = Issuer(API, facts.family)
        self._candidates: dict[int, CandidateDecoder] = {}

    @property
    def accumulator(self) -> Accumulator:
        """The answer so far. Usage comes with every chunk, but is read only when the answer is."""
        if self._usage is not None:
            self._into.usage, self._usage = usage_of(self._usage), None
        return self._into

    @property
    def is_complete(self) -> bool:
        """Whether every candidate that began has said why it ended. A plain answer is whole without that too."""
        return self._is_plain or self._into.is_finished

    def event(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Take one event of a stream. See `ChatDecoder`. The wire sends no `[DONE]`, but gateways do."""
        data = event.data
        if data.endswith(b"[DONE]"):
            self.is_done = says_done(data)
        deltas: list[Delta] = []
        for payload in payloads_of(data):
            for chunk in payload if isinstance(payload, list) else (payload,):
                self._payload(chunk, deltas)
        return deltas

    def body(self, payload: dict[str, Any]) -> Sequence[Delta]:
        """Take the JSON body of a plain answer.

        Raises:
            ContentBlockedError: The prompt was blocked.
            InvalidResponseError: It has no `candidates`.
        """
        deltas: list[Delta] = []
        self._is_plain = True
        self._payload(payload, deltas)
        if not self._candidates:
            raise InvalidResponseError(
                f"The answer has no candidates: it holds {sorted(payload)}. Check that base_url is the gateway's "
                "address."
            )
        self.is_done = True
        return deltas

    def array(self, body: bytes) -> Sequence[Delta]:
        """Take a stream that came as a JSON array of its chunks, as Google sends it where `alt=sse` got lost.

        An array that breaks off gives the chunks that are whole, and leaves the answer incomplete.
        """
        deltas: list[Delta] = []
        text = body.decode("utf-8", "replace").lstrip()[1:]
        decoder = json.JSONDecoder(strict=False)
        while text := text.lstrip(" \t\r\n,"):
            try:
                chunk, end = decoder.raw_decode(text)
            except ValueError:
                break
            self._payload(chunk, deltas)
            text = text[end:]
        return deltas

    def _payload(self, payload: Any, deltas: list[Delta]) -> None:
        if not isinstance(payload, dict):
            return
        payload = with_wire_names(payload)
        raise_error_in(payload)
        raise_if_blocked(payload)
        into = self._into
        if into.id is None:
            into.id = payload.get("responseId") or None
        if into.model is None:
            into.model = payload.get("modelVersion") or None
        if (usage := payload.get("usageMetadata")) and has_counts(usage):
            self._usage = usage  # a snapshot with every chunk: the last one holds
        for key, value in payload.items():
            if key not in _ANSWER_FIELDS and value:
                into.extras[key] = value
        for candidate in payload.get("candidates") or ():
            if isinstance(candidate, dict):
                self._candidate(with_wire_names(candidate), deltas)

    def _candidate(self, candidate: Any, deltas: list[Delta]) -> None:
        number = candidate.get("index") or 0
        decoder = self._candidates.get(number)
        if decoder is None:
            decoder = self._candidates[number] = CandidateDecoder(
                number, self._into, self._issuer, turn=self._turn, is_plain=self._is_plain
            )
        decoder.take(candidate, deltas)
