"""A notebook, run cell by cell in a kernel of its own."""

from __future__ import annotations

import subprocess

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from harness.session import Session, UnexpectedError


def run_notebook(session: Session) -> str:
    """Run the session's notebook.

    Returns:
        What its cells printed.

    Raises:
        UnexpectedError: A cell failed.
    """
    notebook = nbformat.read(session.program, as_version=4)
    # The kernel's own environment, not ours: a real key would be spent.
    where = {"metadata": {"path": str(session.folder)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where, coalesce_streams=True)
    try:
        client.execute(env=session.environment, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise UnexpectedError(str(error)[-3000:]) from error
    finally:
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                text = output.get("text") or output.get("data", {}).get("text/plain", "")
                if output.get("name") != "stderr":
                    session.printed.append(text if text.endswith("\n") else f"{text}\n")
    return "".join(session.printed)
