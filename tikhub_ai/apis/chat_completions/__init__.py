"""POST /v1/chat/completions: OpenAI's format, which GPT, DeepSeek, Claude and others speak here, each with a dialect.

Follows OpenAI's OpenAPI (`CreateChatCompletionRequest`), DeepSeek's thinking-mode guide for `reasoning_content`, and
takes what gateways make of them.
"""

from tikhub_ai.apis.chat_completions.decode import Decoder
from tikhub_ai.apis.chat_completions.encode import API, LIMIT_FIELDS, encode, output_limit

__all__ = ["API", "LIMIT_FIELDS", "Decoder", "decoder", "encode", "output_limit"]

decoder = Decoder
