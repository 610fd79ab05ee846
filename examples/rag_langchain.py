"""LangChain: embed documents, retrieve, stream a grounded answer, and run an agent with a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.vectorstores import InMemoryVectorStore
from settings import DOCUMENTS, TOOL_QUESTION, prompt
from tools import described, get_time

from langchain_tikhub import ChatTikHub, TikHubEmbeddings

if TYPE_CHECKING:
    from settings import Models


def main(models: Models, question: str) -> None:
    """Answer `question` from the documents, then have an agent call a tool."""
    store = InMemoryVectorStore(TikHubEmbeddings(**models.embeddings, show_progress_bar=True))
    print("1 embed    twelve documents")
    paths = sorted(DOCUMENTS.glob("*.md"))
    store.add_documents([Document(path.read_text(), metadata={"source": path.name}) for path in paths])

    passage = store.similarity_search(question, k=1)[0]
    print(f"2 nearest  {passage.metadata['source']}")

    llm = ChatTikHub(**models.chat)
    print("3 answer   ", end="")
    usage = None
    for chunk in llm.stream(prompt(passage.page_content, question)):
        print(chunk.text, end="", flush=True)
        usage = chunk.usage_metadata or usage
    print(f"\n  usage    {usage['input_tokens']} tokens in, {usage['output_tokens']} out" if usage else "")

    agent = create_agent(llm, tools=[get_time])
    print(f"4 agent    {TOOL_QUESTION}")
    asked = HumanMessage(TOOL_QUESTION)
    for step in agent.stream({"messages": [asked]}, {"recursion_limit": 8}, stream_mode="updates"):
        for node, update in step.items():
            message = update["messages"][-1]
            for call in getattr(message, "tool_calls", []):
                print(f"  {node:8} {described(call['name'], call['args'])}")
            if message.text:
                print(f"  {node:8} {message.text}")
