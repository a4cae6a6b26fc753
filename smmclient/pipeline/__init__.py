"""The one path of every call: pace → gate → send → decode → classify, repeated where that is safe."""

from __future__ import annotations

from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.pipeline.path import Pipeline

__all__ = ["Clock", "Pipeline", "SystemClock"]
