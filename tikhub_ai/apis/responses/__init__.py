"""POST /v1/responses: OpenAI's format of typed items, which DeepSeek, xAI and several local servers speak too.

Follows OpenAI's OpenAPI (`CreateResponse`) for what goes out, and its streaming events for what comes in; takes what
gateways make of them.
"""

from tikhub_ai.apis.responses.decode import Decoder
from tikhub_ai.apis.responses.encode import API, LIMIT_FIELDS, encode, output_limit

__all__ = ["API", "LIMIT_FIELDS", "Decoder", "decoder", "encode", "output_limit"]

decoder = Decoder
"""An answer of POST /v1/responses, plain or streamed, as deltas. Both go through the same code."""
