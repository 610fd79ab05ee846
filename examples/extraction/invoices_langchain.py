"""Facts out of PDFs, as typed objects: LangChain's `with_structured_output` with a pydantic class.

The schema goes to the model as a JSON schema, which constrains what it may write: patterns and dates hold whatever
the model. Whether a number is the right one is still the model's affair, so check what can be checked.

pip install "tikhub-ai[langchain]" pypdf
export TIKHUB_AI_API_KEY=sk-...
python invoices_langchain.py invoices/
"""

import datetime
import sys
from pathlib import Path

from pydantic import BaseModel, Field
from pypdf import PdfReader

from langchain_tikhub import ChatTikHub


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
    reader = ChatTikHub(model="gpt-4.1-mini", api="chat_completions").with_structured_output(Invoice)
    for path in sorted(folder.glob("*.pdf")):
        text = "\n".join(page.extract_text() for page in PdfReader(path).pages)
        invoice = reader.invoke(f"{text}\n\nRead the invoice above.")
        print(f"{path.name:14} {invoice!r}")


if __name__ == "__main__":
    main()
