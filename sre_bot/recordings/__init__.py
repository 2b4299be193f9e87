"""Recordings: incidents one can replay, as folders of files (``docs/replay.md``).

``recording = recordings.read(folder)`` checks every file but the metrics and keeps what was known when the question
was asked; ``async with recordings.replayed(recording) as sources`` starts a throw-away Prometheus that knows the
recorded samples, and gives sources that fit the tools and the first look.
"""

from __future__ import annotations

from sre_bot.recordings.format import ChangeLog, Recording, read
from sre_bot.recordings.replayed import ReplayedSources, replayed

__all__ = ["ChangeLog", "Recording", "ReplayedSources", "read", "replayed"]
