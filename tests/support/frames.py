"""The numbers by which a frame between roles is recognized, from shared/wire/frame.h."""

import re
from pathlib import Path

_TEXT = (Path(__file__).resolve().parents[2] / "shared/wire/frame.h").read_text(encoding="utf-8")
MAGIC, VERSION = (int(re.search(rf"#define FRAME_{name} +(\w+?)u?\b", _TEXT)[1], 0) for name in ("MAGIC", "VERSION"))
