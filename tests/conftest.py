"""Shared by all Python tests."""

import os

# A developer's own settings must not reach the tests.
for name in [name for name in os.environ if name.startswith(("COMETPRESENCE_", "COMETCHAT_"))]:
    del os.environ[name]
