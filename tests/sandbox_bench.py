"""A panel in a box on a socket, on a clock that the test turns, asked as a customer with nothing but HTTP would."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from attrs import frozen

from smmclient.sandbox import Dialect, Options, Sandbox, serve

LONG = 1_000.0
UNKNOWN_ORDER = "99"


@frozen
class Reply:
    """What came back, as it came."""

    status: int
    content_type: str
    retry_after: str | None
    text: str

    @property
    def json(self) -> Any:
        """What the text stands for; the numbers as they are written."""
        return json.loads(self.text)


class Bench:
    """One panel, and a customer in front of it."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.now = 1_731_672_000.0
        self.box: Sandbox
        self.options: Options = {"clock": lambda: self.now, "seconds_to_finish": 10.0, "troubled": 0.0}
        self.options.update(cast("Options", options))
        self._links = 0

    def post(self, action: str, *, path: str | None = None, **fields: Any) -> Reply:
        """Send a form and return the reply."""
        url = urlsplit(self.box.base_url)
        form = urlencode({"key": self.box.api_key, "action": action, **fields})
        connection = http.client.HTTPConnection(url.netloc, timeout=5)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path or url.path, form, headers)
            reply = connection.getresponse()
            content_type = reply.headers.get("content-type", "")
            text = reply.read().decode()
            return Reply(reply.status, content_type, reply.headers.get("retry-after"), text)
        finally:
            connection.close()

    def add(self, **fields: object) -> Reply:
        """Order a thousand of the first service, on a link of its own."""
        self._links += 1
        link = f"https://example.com/{self._links}"
        form: dict[str, Any] = {"service": 1, "link": link, "quantity": 1000, "request_id": self._links, **fields}
        return self.post("add", **form)

    def order(self, **fields: object) -> str:
        """Order as above, and return the order's id in the books."""
        self.add(**fields)
        return self.box.orders[-1].id

    def finished(self, **fields: object) -> str:
        """Order as above, let it finish, and return its id."""
        order = self.order(**fields)
        self.wait()
        return order

    def wait(self, seconds: float = LONG) -> None:
        """Let time go by."""
        self.now += seconds


@contextmanager
def bench(panel: str | Dialect = "v2", **options: Any) -> Iterator[Bench]:
    """Run a panel where every order comes out well after about ten seconds."""
    customer = Bench(options)
    with serve(panel, **customer.options) as customer.box:
        yield customer
