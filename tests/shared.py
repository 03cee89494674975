"""The folder of real recordings and listening tests, which need not be there."""

import os
from pathlib import Path

SHARED = (Path(__file__).parents[1] / os.environ.get("DEEPAQ_SHARED", "../shared/data")).resolve()
