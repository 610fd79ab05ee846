"""RAG with LangChain and LanceDB: a table in a folder, filled by the first run only.

pip install "tikhub-ai[langchain]" langchain-community lancedb
export TIKHUB_AI_API_KEY=sk-...
python lancedb_langchain.py "Which header carries the key for Claude's native messages endpoint?"
"""

import sys
from pathlib import Path

from langchain_community.vectorstores import LanceDB
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate

from langchain_tikhub import ChatTikHub, TikHubEmbeddings

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown
PROMPT = ChatPromptTemplate.from_template(
    "{passages}\n\nAnswer in one sentence, from the text above only.\nQuestion: {question}"
)


def open_store() -> LanceDB:
    """The table of the documents; only the first run pays for embedding them."""
    store = LanceDB(uri="lancedb", embedding=TikHubEmbeddings(model="text-embedding-3-small"), table_name="documents")
    if store.get_table() is None:
        documents = [
            Document(path.read_text(), metadata={"source": path.name}) for path in sorted(DOCUMENTS.glob("*.md"))
        ]
        store.add_documents(documents)
        print(f"embedded   {len(documents)} documents")
    return store


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    passages = open_store().similarity_search(question, k=1)
    print(f"retrieved  {', '.join(passage.metadata['source'] for passage in passages)}")

    chain = PROMPT | ChatTikHub(model="claude-haiku-4-5", max_tokens=200)
    print("answer     ", end="")
    for chunk in chain.stream({"passages": "\n\n".join(p.page_content for p in passages), "question": question}):
        print(chunk.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
