"""POST /v1/messages: Anthropic's format, Claude's own.

Follows Anthropic's Messages API as the types of the `anthropic` SDK 2.12 describe it, and takes what
gateways and converted upstreams make of it.
"""

from tikhub_ai.apis.messages.count import encode_count, read_count
from tikhub_ai.apis.messages.decode import Decoder
from tikhub_ai.apis.messages.encode import API, encode
from tikhub_ai.apis.messages.limits import LIMIT_FIELDS, output_limit

__all__ = [
    "API",
    "LIMIT_FIELDS",
    "Decoder",
    "decoder",
    "encode",
    "encode_count",
    "output_limit",
    "read_count",
]

decoder = Decoder
