"""POST /{version}/models/{model}:generateContent and :streamGenerateContent: Gemini's own format.

Follows Google's REST reference of the Gemini API (`GenerateContentRequest`, `GenerateContentResponse`, `Schema`), its
guides on function calling, thinking and thought signatures, and takes what Vertex, gateways and relays make of them.
"""

from tikhub_ai.apis.generate_content.decode import Decoder
from tikhub_ai.apis.generate_content.encode import API, encode

__all__ = ["API", "Decoder", "decoder", "encode"]

decoder = Decoder
