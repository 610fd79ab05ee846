"""RAG with LlamaIndex and FAISS: the index is made and saved by the first run, and loaded by the next ones.

pip install "tikhub-ai[llama-index]" llama-index-vector-stores-faiss faiss-cpu
export TIKHUB_AI_API_KEY=sk-...
python faiss_llama_index.py "Which header carries the key for Claude's native messages endpoint?"
"""

import sys
from pathlib import Path

import faiss
from llama_index.core import Document, Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.data_structs import IndexDict
from llama_index.core.indices.base import BaseIndex
from llama_index.vector_stores.faiss import FaissVectorStore

from llama_index_tikhub import TikHub, TikHubEmbedding

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown
INDEX = Path("faiss_index")

Settings.llm = TikHub(model="deepseek-chat", max_tokens=200)
Settings.embed_model = TikHubEmbedding(model="text-embedding-3-small")


def open_index() -> BaseIndex[IndexDict]:
    """The index of the documents; only the first run pays for embedding them."""
    if INDEX.exists():
        store = FaissVectorStore.from_persist_dir(str(INDEX))
        return load_index_from_storage(StorageContext.from_defaults(vector_store=store, persist_dir=str(INDEX)))
    documents = [
        # The name is for the reader: embedded with a short text, it would drown the text.
        Document(text=path.read_text(), metadata={"source": path.name}, excluded_embed_metadata_keys=["source"])
        for path in sorted(DOCUMENTS.glob("*.md"))
    ]
    dimensions = len(Settings.embed_model.get_text_embedding("FAISS has to know the width beforehand"))
    store = FaissVectorStore(faiss.IndexFlatIP(dimensions))
    index = VectorStoreIndex.from_documents(documents, StorageContext.from_defaults(vector_store=store))
    index.storage_context.persist(str(INDEX))
    print(f"embedded   {len(documents)} documents")
    return index


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    answer = open_index().as_query_engine(similarity_top_k=1).query(question)
    print(f"retrieved  {', '.join(node.metadata['source'] for node in answer.source_nodes)}")
    print(f"answer     {answer}")


if __name__ == "__main__":
    main()
