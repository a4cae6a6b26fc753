"""What a panel pushes so that nobody has to ask: signed deliveries over real HTTP, and what can go wrong with them.

An endpoint hears of every order that ends, and of a balance that runs low, as `happenings` says. Attempts go on
until one is answered with 2xx, after growing pauses; redirects are not followed, and an attempt takes five seconds
at most.
Signing, payload, retries and everything else that no page of the panel says are ours, and can be set.

The sandbox never calls out into a network. By default it takes endpoints on this machine alone, over http too. With
`local_webhooks=False` it takes what the panel documents, https to public hosts, looks nothing up and delivers nothing.
"""

from .faults import WebhookFault
from .handle import Delivery, SandboxWebhooks, Webhook
from .outbox import Attempt, Outcome
from .rules import WebhookRules
from .signing import Signing

__all__ = [
    "Attempt",
    "Delivery",
    "Outcome",
    "SandboxWebhooks",
    "Signing",
    "Webhook",
    "WebhookFault",
    "WebhookRules",
]
