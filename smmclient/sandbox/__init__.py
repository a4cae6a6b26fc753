"""A panel in a box: a whole SMM panel on this machine, for tests and demonstrations.

It keeps real books, limits and refuses like the panel it stands for, and goes wrong on demand. It shares no
code with the client, so that the two can judge each other. Needs the extra: pip install "smmclient[sandbox]".
"""

from .dialects import DIALECTS, Dialect
from .faults import Fault
from .limits import Limit, Limits, Window
from .panel import Request
from .sandbox import Sandbox, SandboxOrder
from .server import API_KEY, Options, run, serve
from .values import State

__all__ = [
    "API_KEY",
    "DIALECTS",
    "Dialect",
    "Fault",
    "Limit",
    "Limits",
    "Options",
    "Request",
    "Sandbox",
    "SandboxOrder",
    "State",
    "Window",
    "run",
    "serve",
]
