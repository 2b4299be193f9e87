"""Every mistake and misfortune that we hold the program to explaining, as a table; see ``tests/test_bad_input.py``."""
