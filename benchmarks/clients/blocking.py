"""smmpy and safesmm, as their READMEs do, from a pool of threads. Neither has a session to keep."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, ClassVar

from benchmarks.clients.panel import MOST_IDS

__all__ = ["Blocking", "Safesmm", "Smmpy"]


class Blocking:
    blocks: ClassVar[bool] = True
    #: They send what they are given as one request: their caller cuts it up.
    ids_a_call: ClassVar[int | None] = MOST_IDS

    def __init__(self, url: str, at_once: int, **options: object) -> None:
        self._client = self.open(url)

    def open(self, url: str) -> Any:
        raise NotImplementedError

    @property
    def client(self) -> Any:
        """The one that the calling thread uses."""
        return self._client

    def add(self, number: int) -> object:
        return self.client.add_order(service=1, link=f"https://example.com/{number}", quantity=1000)

    def statuses(self, ids: Sequence[str]) -> object:
        return self.client.get_multi_status(ids)

    def balance(self) -> object:
        return self.client.get_balance()["balance"]


class Smmpy(Blocking):
    def open(self, url: str) -> Any:
        return importlib.import_module("smmpy").smm(url, "key")


class Safesmm(Blocking):
    def open(self, url: str) -> Any:
        return importlib.import_module("safesmm").SafeSMM("key", api_url=url)

    def statuses(self, ids: Sequence[str]) -> object:
        return self.client.multi_status(ids)

    def balance(self) -> object:
        return self.client.balance()["balance"]
