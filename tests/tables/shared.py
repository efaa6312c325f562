"""What the rig takes from the cluster rig beside it: brokers, children that end with us, waiting."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT / "tests" / "chaos"))

from children import CACHE, Child, Failed, accepts, free_port, wait_until  # noqa: E402, F401
from kafka import Cluster  # noqa: E402, F401
