"""A panel in a box: a whole SMM panel on this machine, for tests and demonstrations.

It keeps real books, limits and refuses like the panel it stands for, and goes wrong on demand. It shares no
code with the client, so that the two can judge each other. Needs the extra: pip install "smmclient[sandbox]".

The plain convention, `v2`, is spoken in flavours, each a family of panels that answers in its own shapes. They are
chosen with `serve("v2", flavour="cmsnt")`, or `smm sandbox --panel v2 --flavour cmsnt`:

* perfectpanel: the text that most panels have copied, and what `v2` is if nobody says;
* cmsnt: Vietnamese PHP panels: HTML content type, status and msg around everything, VND, prices per package;
* smartpanel: lower-case words, ids and flags as text, bare texts for errors in a batch;
* rest: hand-written panels with real HTTP statuses, numbers as numbers, add_multi;
* keyed: rows in objects by id, a wrapped catalog, ids of every kind, texts that are keys of a dictionary;
* laravel: lists of rows without ids, 201, null counters, prices with the noise of floats;
* php: scripts by hand: a messy catalog, thousands separators, misspelt texts, refills without an id.

NotPanel also pushes: `webhook.add` takes an endpoint on this machine, and `sandbox.webhooks` tells what was sent there.
"""

from .dialects import DIALECTS, FLAVOURS, Dialect
from .faults import Fault
from .limits import Limit, Limits, Window
from .panel import Request
from .sandbox import Sandbox, SandboxOrder
from .server import API_KEY, Options, run, serve
from .values import State
from .webhooks import Delivery, Outcome, Signing, WebhookFault

__all__ = [
    "API_KEY",
    "DIALECTS",
    "FLAVOURS",
    "Delivery",
    "Dialect",
    "Fault",
    "Limit",
    "Limits",
    "Options",
    "Outcome",
    "Request",
    "Sandbox",
    "SandboxOrder",
    "Signing",
    "State",
    "WebhookFault",
    "Window",
    "run",
    "serve",
]
