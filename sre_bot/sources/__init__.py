"""How a system is spoken to: one plain read-only client each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

# httpx would import its command line, and with it click and pygments; it does without where that import fails.
sys.modules.setdefault("httpx._main", cast("ModuleType", None))
