"""A transport without a network: it answers from a script, and keeps what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

import anyio.lowlevel
import msgspec

from smmclient.wire import WireReply, WireRequest

__all__ = ["ScriptedTransport", "Step", "reply"]

#: What happens to one request: a reply, an error to raise, or a callable of the form that gives either.
Step: TypeAlias = "WireReply | BaseException | Callable[[dict[str, str]], WireReply | BaseException]"


def reply(body: object = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> WireReply:
    """A reply; what is neither bytes nor text is sent as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    return WireReply(status, {name.lower(): value for name, value in (headers or {}).items()}, raw)


class ScriptedTransport:
    """Answers with one step after the other; the last one, if it is a callable, answers for ever."""

    def __init__(self, steps: Iterable[Step] | Step) -> None:
        self._steps: Iterator[Step] = iter((steps,) if callable(steps) or not isinstance(steps, Iterable) else steps)
        self._last: Step | None = None
        #: The forms that were sent, the key left out.
        self.forms: list[dict[str, str]] = []
        self.requests: list[WireRequest] = []
        self.closed = False

    async def send(self, request: WireRequest) -> WireReply:
        """Take the next step of the script."""
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        form.pop("key", None)
        self.forms.append(form)
        self.requests.append(request)
        await anyio.lowlevel.checkpoint()
        step = next(self._steps, self._last)
        if step is None:
            raise AssertionError(f"the script has no step for {form}")
        self._last = step if callable(step) else None
        result = step(form) if callable(step) and not isinstance(step, BaseException) else step
        if isinstance(result, BaseException):
            raise result
        return result

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True
