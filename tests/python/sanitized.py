"""pytest on the extension whose file is named first; on no other, whatever is installed."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

wanted = Path(sys.argv.pop(1)).resolve()
spec = find_spec("cometpresence")  # not imported: pytest wants to be the first who does
assert spec is not None
assert spec.submodule_search_locations is not None
if [Path(place).resolve() for place in spec.submodule_search_locations] != [wanted.parent]:
    sys.exit(f"{spec.origin} would be imported, not what is beside {wanted}")
sys.exit(pytest.main(sys.argv[1:]))
