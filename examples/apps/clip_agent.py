"""An agent that makes a clip: it creates the video, waits for it, and downloads it, within limits that you set.

A clip costs money. The toolkit makes no more than `max_jobs`, none longer than `max_seconds`, none by another model,
and writes nowhere but into `folder`.

pip install "tikhub-ai[langchain]" langchain
export TIKHUB_AI_API_KEY=sk-...
python clip_agent.py "Make a clip of a rabbit that reads a newspaper."
"""

import sys

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from langchain_tikhub import ChatTikHub, TikHubVideoToolkit


def main() -> None:
    """Give the order, and print each step."""
    order = " ".join(sys.argv[1:]) or "Make a clip of a rabbit that reads a newspaper."
    toolkit = TikHubVideoToolkit(folder="clips", models=["kling-v2-6"], max_seconds=5, max_jobs=1)
    agent = create_agent(ChatTikHub(model="deepseek-chat"), toolkit.get_tools())
    for step in agent.stream({"messages": [HumanMessage(order)]}, {"recursion_limit": 30}, stream_mode="updates"):
        for update in step.values():
            for message in update["messages"]:
                for call in getattr(message, "tool_calls", []):
                    print(f"calls      {call['name']}({call['args']})")
                if message.text:
                    print(f"{message.type:10} {message.text}")


if __name__ == "__main__":
    main()
