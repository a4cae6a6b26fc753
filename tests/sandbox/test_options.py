"""What a panel in a box may be told, as who asks for help sees it."""

import inspect
import re

from smmclient.sandbox import Options, serve


def test_the_help_of_serve_lists_every_option() -> None:
    """With a line for each, none that is gone, in the order of `Options`, and a scheme of another kind."""
    said = inspect.getdoc(serve) or ""
    assert re.findall(r"^\* (\w+): \S", said, re.MULTILINE) == list(Options.__annotations__)
    assert ">>> signing = Signing(" in said
