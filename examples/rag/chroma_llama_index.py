"""RAG with LlamaIndex and Chroma: the collection lives in a folder, and is filled by the first run only.

pip install "tikhub-ai[llama-index]" llama-index-vector-stores-chroma
export TIKHUB_AI_API_KEY=sk-...
python chroma_llama_index.py "Which header carries the key for Claude's native messages endpoint?"
"""

import sys
from pathlib import Path

import chromadb
from llama_index.core import Document, Settings, StorageContext, VectorStoreIndex
from llama_index.vector_stores.chroma import ChromaVectorStore

from llama_index_tikhub import TikHub, TikHubEmbedding

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown

Settings.llm = TikHub(model="gpt-4.1-mini", max_tokens=200)
Settings.embed_model = TikHubEmbedding(model="text-embedding-3-small")


def open_index() -> VectorStoreIndex:
    """The index of the documents; only the first run pays for embedding them."""
    collection = chromadb.PersistentClient(path="chroma").get_or_create_collection("documents")
    store = ChromaVectorStore(chroma_collection=collection)
    if collection.count():
        return VectorStoreIndex.from_vector_store(store)
    documents = [
        # The name is for the reader: embedded with a short text, it would drown the text.
        Document(text=path.read_text(), metadata={"source": path.name}, excluded_embed_metadata_keys=["source"])
        for path in sorted(DOCUMENTS.glob("*.md"))
    ]
    print(f"embedded   {len(documents)} documents")
    return VectorStoreIndex.from_documents(documents, StorageContext.from_defaults(vector_store=store))


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    answer = open_index().as_query_engine(similarity_top_k=1).query(question)
    print(f"retrieved  {', '.join(node.metadata['source'] for node in answer.source_nodes)}")
    print(f"answer     {answer}")


if __name__ == "__main__":
    main()
