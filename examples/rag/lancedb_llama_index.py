"""RAG with LlamaIndex and LanceDB: a table in a folder, filled by the first run only.

pip install "tikhub-ai[llama-index]" llama-index-vector-stores-lancedb pandas
export TIKHUB_AI_API_KEY=sk-...
python lancedb_llama_index.py "Which header carries the key for Claude's native messages endpoint?"
"""

import sys
from pathlib import Path

import lancedb
from llama_index.core import Document, Settings, StorageContext, VectorStoreIndex
from llama_index.vector_stores.lancedb import LanceDBVectorStore

from llama_index_tikhub import TikHub, TikHubEmbedding

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown

Settings.llm = TikHub(model="gpt-4.1-mini", max_tokens=200)
Settings.embed_model = TikHubEmbedding(model="text-embedding-3-small")


def open_index() -> VectorStoreIndex:
    """The index of the documents; only the first run pays for embedding them."""
    is_filled = "documents" in lancedb.connect("lancedb").table_names()
    store = LanceDBVectorStore(uri="lancedb", table_name="documents")
    if is_filled:
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
