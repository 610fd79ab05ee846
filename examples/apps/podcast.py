"""Answers out of a recording, with the minute they come from: transcription, retrieval, and a chat model.

pip install "tikhub-ai[langchain]"
export TIKHUB_AI_API_KEY=sk-...
python podcast.py talk.mp3 "What was said about tomatoes?"
"""

import sys
from pathlib import Path

from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_tikhub import ChatTikHub, TikHubEmbeddings, TikHubTranscriptionLoader

RECORDING = Path(__file__).with_name("garden_hour.mp3")  # half a minute, spoken by flite
PROMPT = ChatPromptTemplate.from_template(
    "{passages}\n\nAnswer in one sentence, from the text above only.\nQuestion: {question}"
)


def clock(seconds: float) -> str:
    """A position in the recording, as players show it."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def main() -> None:
    """Answer a question from a recording."""
    recording = sys.argv[1] if len(sys.argv) > 1 else str(RECORDING)
    question = " ".join(sys.argv[2:]) or "When are strawberries planted?"
    segments = TikHubTranscriptionLoader(recording, mode="segments", model="whisper-1").load()
    print(f"heard      {len(segments)} segments, {clock(segments[-1].metadata['end'])} in all")

    store = InMemoryVectorStore(TikHubEmbeddings(model="text-embedding-3-small"))
    store.add_documents(segments)
    passages = sorted(store.similarity_search(question, k=2), key=lambda passage: passage.metadata["start"])
    for passage in passages:
        print(f"at {clock(passage.metadata['start']):8}{passage.page_content.strip()}")

    chain = PROMPT | ChatTikHub(model="claude-haiku-4-5", max_tokens=200)
    print("answer     ", end="")
    for chunk in chain.stream({"passages": " ".join(p.page_content for p in passages), "question": question}):
        print(chunk.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
