"""A LlamaIndex FunctionAgent with a tool, streamed; it remembers earlier runs, in SQLite.

pip install "tikhub-ai[llama-index]"
export TIKHUB_AI_API_KEY=sk-...
python function_agent_llama_index.py "What time is it in Paris?"
"""

import asyncio
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCall, ToolCallResult
from llama_index.core.memory import Memory

from llama_index_tikhub import TikHub


def get_time(city: str) -> str:
    """Tell the current local time in a European capital.

    Args:
        city: Name of the city, such as Paris.
    """
    return f"It is {datetime.now(ZoneInfo(f'Europe/{city}')):%H:%M} in {city}."


async def main() -> None:
    """Ask the agent, and print each step when it happens."""
    question = " ".join(sys.argv[1:]) or "What time is it in Paris?"
    agent = FunctionAgent(tools=[get_time], llm=TikHub(model="claude-haiku-4-5", max_tokens=200))
    memory = Memory.from_defaults("paris", async_database_uri="sqlite+aiosqlite:///memory.sqlite")

    handler = agent.run(question, memory=memory, max_iterations=8)
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            print(f"result     {event.tool_output.content}")
        elif isinstance(event, ToolCall):
            print(f"calls      {event.tool_name}({event.tool_kwargs})")
        elif isinstance(event, AgentStream):
            print(event.delta, end="", flush=True)
    await handler

    print(f"\nremembers  {len(await memory.aget_all())} messages")


if __name__ == "__main__":
    asyncio.run(main())
