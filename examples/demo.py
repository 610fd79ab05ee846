"""`make demo`: RAG and an agent in both frameworks, over TikHub or over small local models."""

from __future__ import annotations

import os
import sys
import time

from settings import QUESTION, models

from tikhub_ai import TikHubAIError

STEPS = """steps      In each framework:
           1  embed twelve documents as vectors, and the question likewise
           2  retrieve the document whose vector is nearest to the question's
           3  stream an answer that the chat model writes from that document alone
           4  run an agent, which calls a tool of this demo, and answers from its result"""


def main() -> int:
    """Run both examples and say how long each took."""
    question = os.environ.get("QUESTION") or QUESTION
    start = time.monotonic()
    with models() as found:
        print(f"models     {found.where}")
        if found.note:
            print(f"           {found.note}")
        print(STEPS)
        print(f"question   {question}")
        for title, module in (("LangChain", "rag_langchain"), ("LlamaIndex", "rag_llama_index")):
            begun = time.monotonic()
            print(f"\n--- {title} {'-' * (70 - len(title))}")
            __import__(module).main(found, question)
            print(f"took       {time.monotonic() - begun:.1f} s")
    print(f"\nAll done in {time.monotonic() - start:.1f} s; the local servers are stopped.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TikHubAIError as error:
        sys.exit(f"\n{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; the servers with it.")
