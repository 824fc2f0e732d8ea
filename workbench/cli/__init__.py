"""The ``falcowb`` command.

One module a command group; heavy imports stay inside the commands so that ``falcowb --help``
answers at once.
"""

from workbench.cli.main import main

__all__ = ["main"]
