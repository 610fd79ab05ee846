"""An answer of generateContent, plain or streamed, as deltas. Both go through the same code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import integer, items, named
from tikhub_ai.apis.generate_content.candidate import CandidateDecoder
from tikhub_ai.apis.generate_content.encode import API
from tikhub_ai.apis.generate_content.finish_reasons import raise_if_blocked
from tikhub_ai.apis.generate_content.names import with_wire_names
from tikhub_ai.apis.generate_content.usage import has_counts, usage_of
from tikhub_ai.apis.payloads import EventDecoder, raise_error_in
from tikhub_ai.apis.torn_calls import TornCalls
from tikhub_ai.apis.torn_text import TornText
from tikhub_ai.conversation import Issuer
from tikhub_ai.deltas import Accumulator, Delta
from tikhub_ai.errors import InvalidResponseError
from tikhub_ai.json_text import without_halves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest

_NEXT_CHUNK = re.compile(r"[ \t\r\n,]*(?=.)", re.DOTALL)
_ANSWER_FIELDS = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_CANDIDATE_FIELDS = frozenset({"content", "index", "finishReason"})


class Decoder(EventDecoder):
    """Decodes one answer.

    Args:
        request: What was asked: its length makes the ids of calls that the wire gives none.
        facts: Of the model, for the issuer of its state.
    """

    def __init__(self, request: ChatRequest, facts: ModelFacts) -> None:
        self._into = Accumulator(API)
        self._heads = TornCalls(self._into, request.tools, API)
        super().__init__(self._heads)
        self._usage: dict[str, Any] | None = None
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

    def body(self, payload: dict[str, Any]) -> Sequence[Delta]:
        """Take the JSON body of a plain answer.

        Raises:
            ContentBlockedError: The prompt was blocked.
            InvalidResponseError: It has no `candidates`.
        """
        deltas: list[Delta] = []
        self._is_plain = True
        self._payload(payload, "", deltas)
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
        text = body.decode("utf-8", "replace")
        decoder = json.JSONDecoder(strict=False)
        start = text.index("[") + 1
        while (found := _NEXT_CHUNK.match(text, start)) is not None:
            try:
                chunk, start = decoder.raw_decode(text, found.end())
            except (ValueError, RecursionError):
                break
            self._payload(without_halves(chunk, is_piece=True), "", deltas)
        self._torn = TornText()
        return self._torn.mended(deltas)

    def _payload(self, payload: Any, _: str, deltas: list[Delta]) -> None:
        if isinstance(payload, list):  # a relay that sends the array's items, still in their brackets
            for chunk in payload:
                if isinstance(chunk, dict):
                    self._payload(chunk, "", deltas)
            return
        if not isinstance(payload, dict):
            return
        if not _ANSWER_FIELDS.issuperset(payload):
            payload = self._uncommon(payload)
        into = self._into
        if into.id is None:
            into.id = named(payload.get("responseId"))
        if into.model is None:
            into.model = named(payload.get("modelVersion"))
        if usage := payload.get("usageMetadata"):
            if not isinstance(usage, dict):
                into.extras["usageMetadata"] = usage
            elif usage.get("totalTokenCount") or has_counts(usage):
                self._usage = usage  # a snapshot with every chunk: the last one holds
        candidates = payload.get("candidates")
        for place, candidate in enumerate(candidates if isinstance(candidates, list) else items(candidates)):
            if isinstance(candidate, dict):
                is_common = _CANDIDATE_FIELDS.issuperset(candidate)
                self._candidate(candidate if is_common else with_wire_names(candidate), place, deltas)

    def _uncommon(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A chunk with more than what nearly every chunk is made of, by the wire's names.

        Raises:
            APIStatusError: It is an error.
            ContentBlockedError: The prompt was blocked.
        """
        payload = with_wire_names(payload)
        raise_error_in(payload)
        raise_if_blocked(payload)
        for key, value in payload.items():
            if key not in _ANSWER_FIELDS and key != "error" and value:
                self._into.extras[key] = value
        return payload

    def _candidate(self, candidate: Any, place: int, deltas: list[Delta]) -> None:
        number = candidate.get("index")
        if type(number) is not int:  # Google leaves out the first one's 0, others leave out all
            number = place if (found := integer(number)) is None else found
        if self._is_plain and number in self._candidates:  # others give all of them one number
            number = max(place, *self._candidates) + 1 if place in self._candidates else place
        decoder = self._candidates.get(number)
        if decoder is None:
            decoder = self._candidates[number] = CandidateDecoder(
                number, self._into, self._heads, self._issuer, turn=self._turn, is_plain=self._is_plain
            )
        decoder.take(candidate, deltas)
