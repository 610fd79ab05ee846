"""What can go wrong, each message saying what to do about it."""


class LocalModelsError(RuntimeError):
    """A local server could not be installed or started."""


class InstallError(LocalModelsError):
    """A server could not be installed."""


class MissingToolError(InstallError):
    """A server needs a program that this machine does not have, such as Node.js."""


class StartError(LocalModelsError):
    """A server ended, or did not answer in time, while it was being started."""
