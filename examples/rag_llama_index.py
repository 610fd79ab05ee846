"""LlamaIndex: embed documents, retrieve, stream a grounded answer, and run an agent with a tool."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ToolCall, ToolCallResult
from llama_index.core.llms import ChatMessage
from settings import DOCUMENTS, TOOL_QUESTION, prompt
from tools import described, get_time

from llama_index_tikhub import TikHub, TikHubEmbedding

if TYPE_CHECKING:
    from settings import Models


def main(models: Models, question: str) -> None:
    """Answer `question` from the documents, then have an agent call a tool."""
    documents = [
        # the file's name is for the reader; embedded with a short text, it would drown the text
        Document(text=path.read_text(), metadata={"source": path.name}, excluded_embed_metadata_keys=["source"])
        for path in sorted(DOCUMENTS.glob("*.md"))
    ]
    print("1 embed    twelve documents")
    embed_model = TikHubEmbedding(**models.embeddings)
    index = VectorStoreIndex.from_documents(documents, embed_model=embed_model, show_progress=True)

    passage = index.as_retriever(similarity_top_k=1).retrieve(question)[0]
    print(f"2 nearest  {passage.metadata['source']}")

    llm = TikHub(**models.chat)
    print("3 answer   ", end="")
    usage = None
    for chunk in llm.stream_chat([ChatMessage(role="user", content=prompt(passage.text, question))]):
        print(chunk.delta, end="", flush=True)
        usage = (chunk.raw or {}).get("usage") or usage
    print(f"\n  usage    {usage['prompt_tokens']} tokens in, {usage['completion_tokens']} out" if usage else "")

    print(f"4 agent    {TOOL_QUESTION}")
    asyncio.run(_run_agent(llm))


async def _run_agent(llm: TikHub) -> None:
    handler = FunctionAgent(tools=[get_time], llm=llm).run(TOOL_QUESTION, max_iterations=8)
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            print(f"  tools    {event.tool_output.content}")
        elif isinstance(event, ToolCall):
            print(f"  agent    {described(event.tool_name, event.tool_kwargs)}")
    answer: AgentOutput = await handler
    print(f"  agent    {answer.response.content}")
