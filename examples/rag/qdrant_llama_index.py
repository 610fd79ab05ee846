"""RAG with LlamaIndex and Qdrant, embedded and kept up to date: a run embeds what is new or changed, nothing else.

pip install "tikhub-ai[llama-index]" llama-index-vector-stores-qdrant
export TIKHUB_AI_API_KEY=sk-...
python qdrant_llama_index.py "Which header carries the key for Claude's native messages endpoint?"
"""

import sys
from pathlib import Path

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from llama_index_tikhub import TikHub, TikHubEmbedding

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown
STATE = Path("pipeline")

Settings.llm = TikHub(model="claude-haiku-4-5", max_tokens=200)
Settings.embed_model = TikHubEmbedding(model="text-embedding-3-small")


def open_index() -> VectorStoreIndex:
    """The index of the documents, after what is new in the folder went in and what is old went out."""
    store = QdrantVectorStore("documents", QdrantClient(path="qdrant"))  # a server: QdrantClient(url=...)
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(), Settings.embed_model],
        vector_store=store,
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.UPSERTS,
    )
    if STATE.exists():
        pipeline.load(str(STATE))
    documents = [
        # The name is for the reader: embedded with a short text, it would drown the text.
        Document(
            id_=path.name,
            text=path.read_text(),
            metadata={"source": path.name},
            excluded_embed_metadata_keys=["source"],
        )
        for path in sorted(DOCUMENTS.glob("*.md"))
    ]
    if nodes := pipeline.run(documents=documents):
        print(f"embedded   {len(nodes)} documents")
    pipeline.persist(str(STATE))
    return VectorStoreIndex.from_vector_store(store)


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    answer = open_index().as_query_engine(similarity_top_k=1).query(question)
    print(f"retrieved  {', '.join(node.metadata['source'] for node in answer.source_nodes)}")
    print(f"answer     {answer}")


if __name__ == "__main__":
    main()
