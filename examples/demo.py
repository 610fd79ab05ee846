"""`make demo`: RAG and an agent in both frameworks, over TikHub or over small local models."""

from __future__ import annotations

import os
import sys
import time

from settings import QUESTION, models

from tikhub_ai import TikHubAIError


def main() -> int:
    """Run both examples and say how long each took."""
    question = os.environ.get("QUESTION") or QUESTION
    start = time.monotonic()
    with models() as found:
        print(f"models     {found.where}\nquestion   {question}")
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
