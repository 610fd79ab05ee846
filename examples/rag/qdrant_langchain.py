"""RAG with LangChain and Qdrant, embedded: no server, one folder, filled by the first run only.

pip install "tikhub-ai[langchain]" langchain-qdrant
export TIKHUB_AI_API_KEY=sk-...
python qdrant_langchain.py "Which header carries the key for Claude's native messages endpoint?"
"""

import sys
from pathlib import Path

from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from langchain_tikhub import ChatTikHub, TikHubEmbeddings

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown
PROMPT = ChatPromptTemplate.from_template(
    "{passages}\n\nAnswer in one sentence, from the text above only.\nQuestion: {question}"
)


def open_store() -> QdrantVectorStore:
    """The collection of the documents; only the first run pays for embedding them."""
    embeddings = TikHubEmbeddings(model="text-embedding-3-small")
    where = {"path": "qdrant", "collection_name": "documents"}  # a server: "url" in place of "path"
    client = QdrantClient(path="qdrant")
    is_filled = client.collection_exists("documents")
    client.close()
    if is_filled:
        # Else it embeds a text each time, to see whether the vectors are as wide as the collection's.
        return QdrantVectorStore.from_existing_collection(
            embedding=embeddings, validate_collection_config=False, **where
        )
    documents = [Document(path.read_text(), metadata={"source": path.name}) for path in sorted(DOCUMENTS.glob("*.md"))]
    print(f"embedded   {len(documents)} documents")
    return QdrantVectorStore.from_documents(documents, embeddings, **where)


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    passages = open_store().similarity_search(question, k=1)
    print(f"retrieved  {', '.join(passage.metadata['source'] for passage in passages)}")

    chain = PROMPT | ChatTikHub(model="deepseek-chat", max_tokens=200)
    print("answer     ", end="")
    for chunk in chain.stream({"passages": "\n\n".join(p.page_content for p in passages), "question": question}):
        print(chunk.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
