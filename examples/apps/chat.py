"""A chat in the browser: FastAPI streams the answer into the page as it is written.

pip install "tikhub-ai[langchain]" fastapi uvicorn
export TIKHUB_AI_API_KEY=sk-...
uvicorn chat:app        # then open http://127.0.0.1:8000
"""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel

from langchain_tikhub import ChatTikHub
from tikhub_ai import TikHubAIError

app = FastAPI()
llm = ChatTikHub(model="gpt-4.1-mini", max_tokens=500)


class Turn(BaseModel):
    """One message, as the page keeps it."""

    role: str
    text: str


@app.post("/chat")
async def chat(turns: list[Turn]) -> StreamingResponse:
    """Answer the last of the turns, piece by piece; the page sends the whole conversation each time."""
    history: list[BaseMessage] = [HumanMessage(t.text) if t.role == "user" else AIMessage(t.text) for t in turns]

    async def pieces() -> AsyncIterator[str]:
        # Where the browser goes away, this is cancelled, and with it the request to the model.
        try:
            async for chunk in llm.astream(history):
                yield chunk.text
        except TikHubAIError as error:
            # The status went out with the first piece, so the page can only be told in words. No key is in them.
            yield f"\n[{type(error).__name__}: {error}]"

    return StreamingResponse(pieces(), media_type="text/plain; charset=utf-8")


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    """The page, whole: no build, nothing from elsewhere."""
    return PAGE


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
  .turn { white-space: pre-wrap; margin: .75rem 0; padding: .5rem .75rem; border-radius: .5rem; background: #8881; }
  .turn.user { background: #06f2; margin-left: 4rem; }
  form { display: flex; gap: .5rem; }
  input, button { font: inherit; padding: .5rem; }
  input { flex: 1; min-width: 0; }
</style>
<h1>Chat</h1>
<div id="turns" aria-live="polite"></div>
<form>
  <input name="text" aria-label="Message" placeholder="Ask something" autocomplete="off" required autofocus>
  <button>Send</button>
</form>
<script>
  const turns = [], list = document.getElementById("turns"), form = document.querySelector("form");
  function show(role) {
    const turn = list.appendChild(document.createElement("div"));
    turn.className = "turn " + role;
    return turn;
  }
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const text = form.text.value;
    form.reset();
    form.querySelector("button").disabled = true;
    turns.push({role: "user", text});
    show("user").textContent = text;
    const turn = show("assistant");
    const answer = await fetch("chat", {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(turns)
    });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece; !(piece = await reader.read()).done;) turn.textContent += piece.value;
    turns.push({role: "assistant", text: turn.textContent});
    turn.dataset.done = "yes";
    form.querySelector("button").disabled = false;
    form.text.focus();
  });
</script>
</html>
"""
