"""Integration tests: the real program, started on free loopback ports (tests/support)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
