"""The codec of `POST /v1/embeddings`: texts in, vectors out.

Texts go out as they are, never as token ids: those mean nothing to a model behind another tokenizer. `encoding_format`
is always sent, since a client that leaves it out gets whatever the server likes, and either form is read whatever was
asked: relays of this kind fail on base64 or ignore it (`tikhub_api.md` §2.2).
"""

from __future__ import annotations

import binascii
import math
import re
import sys
from array import array
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tikhub_ai.apis.fields import name, number
from tikhub_ai.apis.unreadable import readable
from tikhub_ai.conversation import Usage
from tikhub_ai.error_bodies import request_id_of
from tikhub_ai.errors import APIStatusError, BadRequestError, ContextWindowExceededError, InvalidResponseError
from tikhub_ai.secret_values import SecretHeaders
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tikhub_ai.wire import ApiResponse

EncodingFormat: TypeAlias = Literal["float", "base64"]
"""How vectors travel: as a list of numbers, or as little-endian float32 in base64, a quarter to a third of the size."""

PATH = "/v1/embeddings"
MAX_INPUTS = 2048
"""Texts that one request may hold."""
MAX_TOKENS = 300_000
"""Tokens that the texts of one request may be together."""
_FLOAT = 4
"""Bytes of a float32."""
_BYTES_PER_TOKEN = 3
"""Of UTF-8, at least, in most languages: English has 4 to 5, Chinese 3 to 4."""
_LARGEST_KEPT_BODY = 100_000
"""Bytes of an answer that an error may keep."""

_TOO_LARGE_WORDS = frozenset(
    {"max_tokens_per_request", "array_above_max_length", "string_above_max_length", "request_too_large"}
)
_TOO_LARGE_TEXT = re.compile(
    r"""batch[ _]?size | batches | tokens?\ (?:in|per)\ (?:batch|request) | tokens?\ overall
    | too\ (?:many|large|long|big) | max(?:imum)?\ (?:allowed|number|length|size|input) | context\ length
    | (?:at\ most|max(?:imum)?(?:\ of|\ is|:)?|up\ to|limit\ of|(?:larger|more|less|fewer)\ than|exceed\w*)\ \W?\d+
    | exceed\w*\ (?:the\ )?(?:max|limit) | \d+\ >\ \d+ | reduce\ (?:your|the)\ (?:prompt|input|batch|length)""",
    re.IGNORECASE | re.VERBOSE,
)


def estimated_tokens(text: str) -> int:
    """How many tokens a text is, at most, in most languages."""
    return 1 + (len(text) if text.isascii() else len(text.encode())) // _BYTES_PER_TOKEN


@dataclass(slots=True)
class EmbeddingsOptions:
    """What every request of a client has in common.

    Attributes:
        model: Model name.
        dimensions: Length of the vectors, for models that can shorten them (text-embedding-3-*); None leaves it out.
        encoding_format: How numbers travel; the vectors are the same, but for float32 rounding. `auto` leaves it to
            `encode`'s argument.
        user: Your end user's id, passed on.
        extra_body: Further fields of the request; they win over ours, but for `input`.
        extra_headers: Further headers. Secret.
    """

    model: str
    dimensions: int | None = None
    encoding_format: EncodingFormat | Literal["auto"] = "auto"
    user: str | None = None
    extra_body: Mapping[str, Any] | None = None
    extra_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra_headers = SecretHeaders.of(self.extra_headers)


@dataclass(slots=True)
class EmbeddingsReply:
    """Vectors, in the order of their texts.

    Attributes:
        vectors: One list of floats for each text, all of one length. From `embed_array` it is a numpy array of float32,
            with a row for each text.
        model: The name in the answer, else the one asked for.
        usage: Tokens, summed over the requests; zero where the wire did not say.
        request_ids: The gateway's ids of the calls that answered, in the order of the texts.
        is_base64: Whether the wire had the numbers in base64.
    """

    vectors: list[list[float]] = field(default_factory=list)
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    request_ids: list[str] = field(default_factory=list)
    is_base64: bool = field(default=False, compare=False, repr=False)


def encode(options: EmbeddingsOptions, texts: Sequence[str], encoding_format: EncodingFormat = "float") -> ApiRequest:
    """The request on the wire. One text goes out as a list too, so that there is one shape of answer.

    Args:
        options: What every request has in common.
        texts: The texts.
        encoding_format: How numbers travel, where the options leave it open.
    """
    form = encoding_format if options.encoding_format == "auto" else options.encoding_format
    body: dict[str, Any] = {"model": options.model, "encoding_format": form}
    if options.dimensions is not None:
        body["dimensions"] = options.dimensions
    if options.user is not None:
        body["user"] = options.user
    body |= options.extra_body or {}
    body["input"] = list(texts)
    return ApiRequest(PATH, body, extra_headers=options.extra_headers)


def reader(count: int, *, as_array: bool = False) -> Callable[[ApiResponse], EmbeddingsReply]:
    """`decode` for answers to so many texts, as a reader whose failures are errors of the tree."""
    return readable(partial(decode, count=count, as_array=as_array))


def decode(response: ApiResponse, count: int, *, as_array: bool = False) -> EmbeddingsReply:
    """The vectors of a 2xx answer, put in order by their `index`.

    Args:
        response: The answer.
        count: How many texts were sent.
        as_array: Whether to make the vectors rows of a numpy array of float32.

    Raises:
        APIStatusError: The answer is an error in spite of its status.
        InvalidResponseError: It does not hold exactly one sound vector of one length for each text.
    """
    payload = response.json_object()
    ids = [request_id] if (request_id := request_id_of(response.info.headers)) else []
    try:
        values = _ordered(payload.get("data"), count)
        vectors: list[list[float]] = _rows(values) if as_array else _lists(values)
    except _UnsoundError as unsound:
        raise InvalidResponseError(
            f"The gateway's embeddings cannot be trusted: {unsound}.",
            status_code=response.status_code,
            request_id=ids[0] if ids else None,
            response=response.info if len(response.body) <= _LARGEST_KEPT_BODY else None,
        ) from None
    is_base64 = any(isinstance(value, str) for value in values)
    return EmbeddingsReply(vectors, name(payload.get("model")), _usage(payload.get("usage")), ids, is_base64)


def is_too_large(error: APIStatusError) -> bool:
    """Whether an error says that the request held too much: too many texts, too many tokens, or too long a text.

    Servers agree on no code for it, so the words decide. A wrong yes costs a few requests, since a batch is then sent
    again in halves; a wrong no loses the whole call.
    """
    if isinstance(error, ContextWindowExceededError) or error.status_code == 413:
        return True
    if not isinstance(error, BadRequestError):
        return False
    if {error.code, error.type} & _TOO_LARGE_WORDS:
        return True
    return "dimension" not in error.message.lower() and bool(_TOO_LARGE_TEXT.search(error.message))


class _UnsoundError(Exception):
    """What is wrong with an answer, in words that follow a colon."""


def _ordered(data: Any, count: int) -> list[Any]:
    """The values of an answer's vectors, as the wire has them, in the order of their texts."""
    if not isinstance(data, list):
        raise _UnsoundError("they hold no list named `data`")
    if len(data) != count:
        raise _UnsoundError(f"{len(data)} vectors came for {count} texts")
    values: list[Any] = [None] * count
    seen = bytearray(count)
    for item in data:
        index = item.get("index") if isinstance(item, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise _UnsoundError(f"a vector has the index {index!r}, where 0 to {count - 1} were due")
        if seen[index]:
            raise _UnsoundError(f"two vectors have the index {index}")
        seen[index], values[index] = 1, item.get("embedding")
    return values


def _lists(values: list[Any]) -> list[list[float]]:
    vectors = [_vector(value, index) for index, value in enumerate(values)]
    if len(lengths := {len(vector) for vector in vectors}) > 1:
        raise _unequal(lengths)
    return vectors


def _rows(values: list[Any]) -> Any:
    """The vectors as rows of one array.

    Rows are put into bytes and not into an array: numpy lets other threads run with each copy, 256 times a batch, and
    with 16 batches at once the turns of the threads take a quarter of the CPU.
    """
    import numpy as np  # noqa: PLC0415 - an optional dependency, and slow to import

    whole, size = memoryview(b""), 0
    for index, value in enumerate(values):
        try:
            row = _packed(value)
        except (TypeError, ValueError, OverflowError):
            row = b""
        if not row or len(row) % _FLOAT:
            raise _no_vector(index)
        if not size:
            size = len(row)
            whole = memoryview(bytearray(size * len(values)))
        elif size != len(row):
            raise _unequal({size // _FLOAT, len(row) // _FLOAT})
        whole[index * size : (index + 1) * size] = row
    found = np.frombuffer(whole, "<f4").astype(np.float32, copy=False).reshape(len(values), -1)
    if not np.isfinite(found).all():
        raise _not_finite(int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0]))
    return found


def _packed(value: Any) -> bytes:
    """One embedding as little-endian float32."""
    if isinstance(value, str):
        return binascii.a2b_base64(value, strict_mode=True)
    numbers = array("f", _numbers(value))  # what float32 cannot hold is infinite
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def needs_numpy() -> None:
    """Refuse rows where numpy is missing, before anything is paid for.

    Raises:
        ImportError: numpy is not installed.
    """
    try:
        import numpy as np  # noqa: F401, PLC0415 - as above
    except ImportError as error:
        raise ImportError("Vectors as rows of an array need numpy: pip install numpy") from error


def rows(vectors: Sequence[Sequence[float]]) -> Any:
    """Vectors as rows of a numpy array of float32."""
    import numpy as np  # noqa: PLC0415 - as above

    return np.array(vectors, dtype=np.float32).reshape(len(vectors), -1 if vectors else 0)


def _no_vector(index: int) -> _UnsoundError:
    return _UnsoundError(f"the vector with the index {index} is neither a list of numbers nor base64 of float32")


def _not_finite(index: int) -> _UnsoundError:
    return _UnsoundError(f"the vector with the index {index} holds a number that is not finite")


def _unequal(lengths: set[int]) -> _UnsoundError:
    return _UnsoundError(f"vectors of {' and '.join(map(str, sorted(lengths)))} numbers came from one model")


def _vector(value: Any, index: int) -> list[float]:
    """One embedding as floats: a list of numbers, or little-endian float32 in base64."""
    try:
        vector = _unpacked(value) if isinstance(value, str) else _floats(value)
    except (TypeError, ValueError, OverflowError):
        vector = []
    if not vector:
        raise _no_vector(index)
    # A sum is finite if all its terms are, but for overflow, and takes a quarter of the time of asking each.
    if not math.isfinite(sum(vector)) and not all(map(math.isfinite, vector)):
        raise _not_finite(index)
    return vector


def _floats(value: Any) -> list[float]:
    return list(map(float, _numbers(value)))  # some servers write 0 and 1 for 0.0 and 1.0


def _numbers(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    sum(value)  # raises where an item is no number, since float() would take "0.5" too
    return value


def _unpacked(value: str) -> list[float]:
    numbers = array("f")
    numbers.frombytes(binascii.a2b_base64(value, strict_mode=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _usage(raw: Any) -> Usage:
    if not isinstance(raw, dict):
        return Usage()
    prompt, total = number(raw.get("prompt_tokens")), number(raw.get("total_tokens"))
    return Usage(input_tokens=prompt or total, total_tokens=total or prompt, raw=raw)
