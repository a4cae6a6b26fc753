"""``python -m smmclient.cli``: the same as ``smm``."""

import sys

from smmclient.cli import main

sys.exit(main())
