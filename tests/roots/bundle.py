"""Makes a wheel that needs no library of the system: `bundle.py WHEEL FOLDER`.

auditwheel puts libwebsockets, cJSON and OpenSSL into it; this adds their licences, as Debian
has them, and names them in the metadata.
"""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

DOCUMENTS = Path("/usr/share/doc")
LIBRARIES = {  # whose file is which package's, wherever a release has another number in its name
    "libwebsockets": "libwebsockets-dev",
    "libcjson": "libcjson-dev",
    "libssl": "libssl-dev",
    "libcrypto": "libssl-dev",
    "libcap": "libcap2",
    "libz": "zlib1g",
}


def add_licences(tree: Path) -> None:
    """To an unpacked wheel: a file for each library in it."""
    (information,) = tree.glob("*.dist-info")
    names = []
    for library in sorted(tree.glob("*.libs/*")):
        package = LIBRARIES[library.name.partition("-")[0]]
        text = (DOCUMENTS / package / "copyright").read_bytes()
        name = f"bundled/{package}.txt"
        if name not in names:
            names.append(name)
            place = information / "licenses" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
    if not names:
        raise SystemExit("error: nothing was bundled")
    metadata = information / "METADATA"
    lines = "".join(f"License-File: {name}\n" for name in names)
    text = metadata.read_text(encoding="utf-8")
    metadata.write_text(
        re.sub(r"(^License-File: LICENSE\n)", rf"\g<1>{lines}", text, count=1, flags=re.MULTILINE),
        encoding="utf-8",
    )


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def main(wheel: Path, folder: Path) -> None:
    with TemporaryDirectory() as name:
        scratch = Path(name)
        run("auditwheel", "repair", "--wheel-dir", scratch / "repaired", wheel)
        (repaired,) = (scratch / "repaired").glob("*.whl")
        run(sys.executable, "-m", "wheel", "unpack", "--dest", scratch / "tree", repaired)
        (tree,) = (scratch / "tree").iterdir()
        add_licences(tree)
        folder.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "wheel", "pack", "--dest-dir", folder, tree)


main(Path(sys.argv[1]), Path(sys.argv[2]))
