"""babismm, as its README does, from a pool of threads."""

from __future__ import annotations

import importlib
import threading
from typing import Any

from benchmarks.clients.blocking import Blocking

__all__ = ["Babismm"]


class Babismm(Blocking):
    """A client, and so a session, for each thread: requests does not say that threads may share one."""

    def __init__(self, url: str, at_once: int, **options: object) -> None:
        self._url, self._own = url, threading.local()

    def open(self, url: str) -> Any:
        return importlib.import_module("smm").SMM(api_url=url, api_key="key")

    @property
    def client(self) -> Any:
        if not hasattr(self._own, "client"):
            self._own.client = self.open(self._url)
        return self._own.client
