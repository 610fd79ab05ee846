"""What `import langchain_tikhub` does, asked of fresh interpreters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import langchain_tikhub

ROOT = Path(__file__).parents[3]
READ = (
    "message = AIMessage('hi', additional_kwargs={'tikhub_parts': [{'index': 0, 'type': 'text', 'length': 2}]}, "
    "response_metadata={'model_provider': 'tikhub'})\n"
    "assert message.content_blocks == [{'type': 'text', 'text': 'hi', 'index': 0}], message.content_blocks\n"
)


MESSAGES = "from langchain_core.messages import AIMessage"
MODELS = "from langchain_core.language_models.chat_models import BaseChatModel"


@pytest.mark.parametrize(
    "imports",
    [
        ("import langchain_tikhub", MESSAGES),
        (MESSAGES, "import langchain_tikhub"),
        (MODELS, "import langchain_tikhub", MESSAGES),
        ("import langchain_tikhub", MODELS, MESSAGES),
        ("from langchain_tikhub import ChatTikHub", MESSAGES),
    ],
)
def test_saved_messages_can_be_read_whatever_was_imported_first(imports: tuple[str, ...]) -> None:
    theirs = ("-W", "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning")  # langsmith's, on 3.14
    command = [sys.executable, "-W", "error", *theirs, "-c", "\n".join((*imports, READ))]
    subprocess.run(command, check=True, cwd=ROOT)


def test_every_public_name_is_there() -> None:
    assert [name for name in langchain_tikhub.__all__ if not hasattr(langchain_tikhub, name)] == []
    assert dir(langchain_tikhub) == sorted(langchain_tikhub.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = langchain_tikhub.no_such_name
