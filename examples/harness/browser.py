"""The chat in a real browser, if this machine has one."""

from __future__ import annotations

import shutil
import socket
import time

import httpx
from playwright.sync_api import Page, sync_playwright

from harness.session import Session, UnexpectedError

# Debian's, Fedora's, and Google's own. Playwright would fetch one of its own.
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_COUNT_CHANGES = """() => {
  window.changes = 0;
  new MutationObserver(() => window.changes++).observe(
    document.getElementById("turns"), {childList: true, subtree: true, characterData: true});
}"""
_SECOND_ANSWER = ".turn.assistant[data-done] ~ .turn.assistant[data-done]"


def chat(session: Session) -> None:
    """Start the app, and talk to it for two turns.

    Raises:
        UnexpectedError: The page did not do what it should.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    port = address.rpartition(":")[2]
    app_dir = session.program.rpartition("/")[0]
    with session.started("-m", "uvicorn", "chat:app", "--app-dir", app_dir, "--port", port, "--log-level", "warning"):
        _wait_for(address)
        browser = next(filter(None, map(shutil.which, _NAMES)), None)
        if browser:
            _in_a_browser(session, address, browser)
        else:
            _without_a_browser(session, address)
    if session.gateway.asked["/v1/responses"] != (2 if browser else 1):
        raise UnexpectedError(f"the model was asked otherwise: {dict(session.gateway.asked)}")


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(address, trust_env=False).raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise UnexpectedError("the app did not begin to serve within 60 s") from None
            time.sleep(0.1)
        else:
            return


def _in_a_browser(session: Session, address: str, browser: str) -> None:
    with sync_playwright() as playwright:
        # Chromium runs as root without its sandbox only, and containers have little shared memory.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        window = playwright.chromium.launch(executable_path=browser, args=arguments)
        page = window.new_page()
        page.set_default_timeout(600_000)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.evaluate(_COUNT_CHANGES)
        _say(page, "What is the capital of France? One sentence.")
        page.wait_for_selector(".turn.assistant[data-done]")
        pieces = page.evaluate("window.changes")
        _say(page, "And of Italy? One sentence.")
        page.wait_for_selector(_SECOND_ANSWER)
        turns = page.locator(".turn").all_inner_texts()
        page.screenshot(path=session.folder / "chat.png")
        version = window.version
        window.close()
    session.printed.append("".join(f"{'page':10} {text}\n" for text in turns))
    session.printed.append(f"{'browser':10} Chromium {version}; the first answer grew in {pieces} steps\n")
    if complaints or len(turns) != 4 or not all(turns) or "Paris" not in turns[1]:
        raise UnexpectedError(f"the page holds {turns}; its console {complaints}")
    if pieces < 5:
        raise UnexpectedError(f"the answer came in {pieces} pieces: it is not streamed")


def _say(page: Page, text: str) -> None:
    page.fill("input[name=text]", text)
    page.click("button")


def _without_a_browser(session: Session, address: str) -> None:
    turns = [{"role": "user", "text": "What is the capital of France? One sentence."}]
    with httpx.stream("POST", f"{address}/chat", json=turns, timeout=600, trust_env=False) as answer:
        pieces = list(answer.iter_text())
    session.printed.append(
        f"answer     {''.join(pieces)}\nbrowser    none on this machine; {len(pieces)} pieces over HTTP\n"
    )
    if len(pieces) < 5 or "Paris" not in "".join(pieces):
        raise UnexpectedError(f"the answer came in {len(pieces)} pieces: {pieces}")
