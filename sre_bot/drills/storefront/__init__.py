"""The shop's repository as it stands today: its history and the faults are edits of these files.

Everything below ``shop/`` is the shop's own code, run from a checkout of its own: it knows nothing of sre-bot.
"""
