"""Two agents of two providers: a GPT that plans, and a Claude that looks things up for it.

Each speaks its maker's own protocol over the same key: GPT by /v1/responses, Claude by /v1/messages.

pip install "tikhub-ai[langchain]" langchain
export TIKHUB_AI_API_KEY=sk-...
python two_providers_langchain.py "Is the kettle K-200 in stock, and what does it cost?"
"""

import sys

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from langchain_tikhub import ChatTikHub

SHELVES = {"K-200": {"name": "kettle", "in stock": 14, "price": "39.90 EUR"}}  # yours: a database


def look_up(article: str) -> str:
    """Look an article up in the warehouse.

    Args:
        article: The article's number, such as K-200.
    """
    return str(SHELVES.get(article, "There is no such article."))


clerk = create_agent(
    ChatTikHub(model="claude-haiku-4-5", max_tokens=300),
    tools=[look_up],
    system_prompt="You are the warehouse's clerk. Look articles up, and answer with the facts alone.",
)


def ask_clerk(question: str) -> str:
    """Ask the warehouse's clerk, who sees nothing of this conversation but your question.

    Args:
        question: A whole question, with the article's number.
    """
    answer = clerk.invoke({"messages": [HumanMessage(question)]})["messages"][-1]
    print(f"{answer.response_metadata['model_name']:18} {answer.text}")
    return str(answer.text)


def main() -> None:
    """Ask the seller, who asks the clerk."""
    question = " ".join(sys.argv[1:]) or "Is the kettle K-200 in stock, and what does it cost?"
    seller = create_agent(
        ChatTikHub(model="gpt-4.1-mini", max_tokens=300),
        tools=[ask_clerk],
        system_prompt="You sell kitchenware. Ask the clerk what you do not know.",
    )
    print(f"{'asked':18} {question}")
    answer = seller.invoke({"messages": [HumanMessage(question)]})["messages"][-1]
    print(f"{answer.response_metadata['model_name']:18} {answer.text}")


if __name__ == "__main__":
    main()
