"""A LlamaIndex AgentWorkflow of two providers: a GPT that researches hands over to a Claude that writes.

pip install "tikhub-ai[llama-index]"
export TIKHUB_AI_API_KEY=sk-...
python handoff_llama_index.py "Write one line on when the Eiffel Tower was finished."
"""

import asyncio
import sys

from llama_index.core.agent.workflow import AgentOutput, AgentWorkflow, FunctionAgent, ToolCallResult
from llama_index.core.workflow import Context

from llama_index_tikhub import TikHub

LIBRARY = {"Eiffel Tower": "The Eiffel Tower was finished on 31 March 1889."}  # yours: a search


async def look_up(ctx: Context, subject: str) -> str:
    """Look a subject up in the library, and note what it says for the other agents.

    Args:
        ctx: What the agents share; the model does not see it.
        subject: What to look up, such as Eiffel Tower.
    """
    found = LIBRARY.get(subject, "The library knows nothing of it.")
    await ctx.store.set("notes", [*await ctx.store.get("notes", default=[]), found])
    return found


researcher = FunctionAgent(
    name="Researcher",
    description="Looks things up.",
    system_prompt="Look the subject up, then hand over to the Writer with what you found.",
    tools=[look_up],
    llm=TikHub(model="gpt-4.1-mini", max_tokens=300),
    can_handoff_to=["Writer"],
)
writer = FunctionAgent(
    name="Writer",
    description="Writes texts from the Researcher's notes.",
    system_prompt="Write what the user asked for, from the notes alone.",
    llm=TikHub(model="claude-haiku-4-5", max_tokens=300),
    can_handoff_to=["Researcher"],
)


async def main() -> None:
    """Run the workflow, and print who did what."""
    question = " ".join(sys.argv[1:]) or "Write one line on when the Eiffel Tower was finished."
    workflow = AgentWorkflow(agents=[researcher, writer], root_agent="Researcher")
    context = Context(workflow)
    print(f"asked      {question}")
    handler = workflow.run(question, ctx=context)
    async for event in handler.stream_events():
        if isinstance(event, AgentOutput):
            for call in event.tool_calls:
                print(f"{event.current_agent_name:10} calls {call.tool_name}({call.tool_kwargs})")
        elif isinstance(event, ToolCallResult):
            print(f"{'':10} {event.tool_output.content.splitlines()[0]}")
    answer: AgentOutput = await handler
    print(f"{answer.current_agent_name:10} {answer.response.content}")
    print(f"notes      {await context.store.get('notes')}")


if __name__ == "__main__":
    asyncio.run(main())
