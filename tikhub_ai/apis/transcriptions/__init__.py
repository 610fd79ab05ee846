"""The codec of `POST /v1/audio/transcriptions` (`media_api.md` §3): a recording in, its words out."""

from tikhub_ai.apis.transcriptions.decode import TranscriptDecoder, decode
from tikhub_ai.apis.transcriptions.encode import PATH, encode
from tikhub_ai.apis.transcriptions.errors import judge

__all__ = ["PATH", "TranscriptDecoder", "decode", "encode", "judge"]
