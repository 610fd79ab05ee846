"""An agent that asks before it acts, and goes on where it was after its process was killed.

LangGraph writes its state to SQLite after each step. End the program while it waits for your answer, with Ctrl-C or
`kill -9`, and start it again: the same call is still waiting, and the model is not asked a second time.

pip install "tikhub-ai[langchain]" langchain langgraph-checkpoint-sqlite
export TIKHUB_AI_API_KEY=sk-...
python approval_langgraph.py "Please refund order 4711"
"""

import sys
from pathlib import Path

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from langchain_tikhub import ChatTikHub


def refund(order: int) -> str:
    """Refund an order.

    Args:
        order: The order's number.
    """
    with Path("refunds.txt").open("a") as file:
        file.write(f"{order}\n")
    return f"Order {order} is refunded."


def main() -> None:
    """Ask the agent, or take up the call that still waits for an answer."""
    question = " ".join(sys.argv[1:]) or "Please refund order 4711"
    thread: RunnableConfig = {"configurable": {"thread_id": "refunds"}}
    with SqliteSaver.from_conn_string("agent.sqlite") as checkpoints:
        agent = create_agent(
            ChatTikHub(model="gpt-4.1-mini", max_tokens=200),
            tools=[refund],
            middleware=[HumanInTheLoopMiddleware(interrupt_on={"refund": True})],
            checkpointer=checkpoints,
        )
        waiting = agent.get_state(thread).interrupts
        if waiting:
            print("taken up   the call of an earlier run")
        else:
            print(f"asked      {question}")
            waiting = agent.invoke({"messages": [HumanMessage(question)]}, thread).get("__interrupt__", ())

        decisions = []
        for action in (action for interrupt in waiting for action in interrupt.value["action_requests"]):
            print(f"waits      {action['name']}({action['args']}): approve? [y/n]")
            is_approved = sys.stdin.readline().strip() == "y"
            decisions.append({"type": "approve"} if is_approved else {"type": "reject", "message": "Not this one."})
        result = agent.invoke(Command(resume={"decisions": decisions}), thread)
        for message in result["messages"][-2:]:
            print(f"{message.type:10} {message.text}")


if __name__ == "__main__":
    main()
