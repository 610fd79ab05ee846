"""Facts out of PDFs, as typed objects: LlamaIndex's `as_structured_llm` with a pydantic class.

The schema goes to the model as a JSON schema, which constrains what it may write: patterns and dates hold whatever
the model. Whether a number is the right one is still the model's affair, so check what can be checked.

pip install "tikhub-ai[llama-index]" pypdf
export TIKHUB_AI_API_KEY=sk-...
python invoices_llama_index.py invoices/
"""

import datetime
import sys
from pathlib import Path

from llama_index.core.llms import ChatMessage
from pydantic import BaseModel, Field
from pypdf import PdfReader

from llama_index_tikhub import TikHub


class Invoice(BaseModel):
    """An invoice."""

    number: str = Field(description="The invoice's number", pattern=r"^INV-[0-9]{4}$")
    date: datetime.date
    seller: str
    buyer: str
    total: float


def main() -> None:
    """Read each PDF of a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("invoices")
    reader = TikHub(model="gpt-4.1-mini", api="chat_completions").as_structured_llm(Invoice)
    for path in sorted(folder.glob("*.pdf")):
        text = "\n".join(page.extract_text() for page in PdfReader(path).pages)
        answer = reader.chat([ChatMessage(f"{text}\n\nRead the invoice above.")])
        print(f"{path.name:14} {answer.raw!r}")


if __name__ == "__main__":
    main()
