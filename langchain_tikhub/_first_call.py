"""What a call needs and importing ChatTikHub does not: loaded at the first call. See `_lazy`."""

from langchain_tikhub.binding import SecretBinding
from langchain_tikhub.configurable import configurable
from langchain_tikhub.events import EventStream, hears_tokens
from langchain_tikhub.reply import AnswerStream, from_reply
from langchain_tikhub.request import chat_request
from langchain_tikhub.structured import structured_output
from langchain_tikhub.tokens import amessage_tokens, estimated_tokens, message_tokens
from langchain_tikhub.tools import bound_tools
from tikhub_ai import ChatClient, End, needs_of

__all__ = [
    "AnswerStream",
    "ChatClient",
    "End",
    "EventStream",
    "SecretBinding",
    "amessage_tokens",
    "bound_tools",
    "chat_request",
    "configurable",
    "estimated_tokens",
    "from_reply",
    "hears_tokens",
    "message_tokens",
    "needs_of",
    "structured_output",
]
