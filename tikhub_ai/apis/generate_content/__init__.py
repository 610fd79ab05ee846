"""POST /{version}/models/{model}:generateContent and :streamGenerateContent: Gemini's own format.

Follows Google's REST reference of the Gemini API (`GenerateContentRequest`, `GenerateContentResponse`, `Schema`), its
guides on function calling, thinking and thought signatures, and takes what Vertex, gateways and relays make of them.
"""

from tikhub_ai.apis.generate_content.decode import Decoder
from tikhub_ai.apis.generate_content.encode import API, LIMIT_FIELDS, encode, output_limit

__all__ = ["API", "LIMIT_FIELDS", "Decoder", "decoder", "encode", "output_limit"]

decoder = Decoder
