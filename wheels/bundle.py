"""Makes a wheel that needs no library of the system: `bundle.py WHEEL FOLDER`.

auditwheel, or delocate on macOS, puts libwebsockets, cJSON and OpenSSL into it, and what they need
themselves; this adds their licences, and names them in the metadata (PEP 639).  A library whose
licence is not in licences/ ends it: nothing is distributed without.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

LICENCES = Path(__file__).parent / "licences"
OWN = "MIT"
LIBRARIES = {  # by the beginnings of file names: whose text in licences/, and what it says in SPDX
    "libwebsockets": ("libwebsockets", {"MIT", "BSD-2-Clause", "BSD-3-Clause"}),
    "libcjson": ("cJSON", {"MIT"}),
    "libssl": ("OpenSSL", {"Apache-2.0"}),
    "libcrypto": ("OpenSSL", {"Apache-2.0"}),
    "libcap": ("libcap", {"BSD-3-Clause"}),  # or GPL-2.0-only, as one likes
}


def bundled(tree: Path) -> set[str]:
    """Which libraries the unpacked wheel has, by what their file names begin with."""
    files = [*tree.glob("*.libs/*"), *tree.glob("*/.dylibs/*")]
    return {re.split(r"[-.]", file.name)[0] for file in files}


def add_licences(tree: Path) -> None:
    """To an unpacked wheel: a text for each library in it, and what they say together."""
    libraries = bundled(tree)
    if not {"libwebsockets", "libcjson", "libssl"} <= libraries:
        raise SystemExit(f"error: of the libraries only {sorted(libraries)} were bundled")
    if unknown := libraries - set(LIBRARIES):
        raise SystemExit(f"error: no licence in {LICENCES} for {', '.join(sorted(unknown))}")
    (information,) = tree.glob("*.dist-info")
    names = sorted({f"{LIBRARIES[library][0]}.txt" for library in libraries})
    terms = {OWN}.union(*(LIBRARIES[library][1] for library in libraries))
    folder = information / "licenses" / "bundled"
    folder.mkdir(parents=True)
    for name in names:
        shutil.copy(LICENCES / name, folder)
    declare(information / "METADATA", " AND ".join(sorted(terms)), names)


def declare(metadata: Path, expression: str, names: list[str]) -> None:
    text = metadata.read_text(encoding="utf-8")
    lines = "".join(f"License-File: bundled/{name}\n" for name in names)
    for old, new in (
        (f"License-Expression: {OWN}\n", f"License-Expression: {expression}\n"),
        ("License-File: LICENSE\n", f"License-File: LICENSE\n{lines}"),
    ):
        if text.count(f"\n{old}") != 1:
            raise SystemExit(f"error: the wheel's metadata has not the one line {old!r}")
        text = text.replace(old, new, 1)
    metadata.write_text(text, encoding="utf-8")


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def main(wheel: Path, folder: Path) -> None:
    with TemporaryDirectory() as name:
        scratch = Path(name)
        if sys.platform == "darwin":
            run("delocate-wheel", "--wheel-dir", scratch / "repaired", wheel)
        else:
            run("auditwheel", "repair", "--wheel-dir", scratch / "repaired", wheel)
        (repaired,) = (scratch / "repaired").glob("*.whl")
        run(sys.executable, "-m", "wheel", "unpack", "--dest", scratch / "tree", repaired)
        (tree,) = (scratch / "tree").iterdir()
        add_licences(tree)
        folder.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "wheel", "pack", "--dest-dir", folder, tree)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
