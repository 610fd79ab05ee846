"""The codec of Veo: Google's long-running operations, in Vertex' form (`media_api.md` §7)."""

from tikhub_ai.apis.veo.decode import decode, decode_created
from tikhub_ai.apis.veo.encode import FAMILY, encode, get, kind_of

__all__ = ["FAMILY", "decode", "decode_created", "encode", "get", "kind_of"]
