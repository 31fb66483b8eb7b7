"""The layers, kept by reading the sources: who may include what, and what nobody may do."""

import ast
import os
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("core", "net", "py")
LONGEST = 500  # lines of a file
CC = shlex.split(os.environ.get("CC", "cc"))

SYSTEM_OF_CORE = {
    *("assert", "ctype", "errno", "float", "inttypes", "limits", "math", "stdalign", "stdarg"),
    *("stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string"),
    "strings",
}
FOREIGN = re.compile(
    r"Python|cjson/|cJSON|libwebsockets|pthread|sys/socket|openssl/", re.IGNORECASE
)
ALLOWED_FOREIGN = {
    "core": {"cjson"},
    "net": {"libwebsockets", "pthread", "sys/socket", "openssl"},
    "py": {"python"},
}
MAY_INCLUDE = {"core": {"core"}, "net": {"core", "net"}, "py": {"core", "net", "py"}}


def sources(*layers: str) -> list[Path]:
    """The C files of these layers; never none, or a test would pass for want of work."""
    found = [path for layer in layers for path in sorted((ROOT / "csrc" / layer).glob("*.[ch]"))]
    assert found
    return found


def code_of(path: Path) -> str:
    """The file without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.DOTALL)


def includes_of(path: Path) -> list[tuple[str, bool]]:
    """What is included, and whether as our own ("quoted")."""
    found = re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', code_of(path), flags=re.MULTILINE)
    return [(name, quote == '"') for quote, name in found]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def offenders(found: Iterable[tuple[Path, object]]) -> list[str]:
    """For a message that says where to look."""
    return [f"{named(path)}: {what}" for path, what in found]


# ---- C: who includes whom


def test_every_c_file_stands_in_a_known_layer() -> None:
    found = {path.relative_to(ROOT / "csrc").parts[0] for path in ROOT.glob("csrc/**/*.[ch]")}
    assert found == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_includes_only_itself_and_those_below(layer: str) -> None:
    assert not offenders(
        (path, name)
        for path in sources(layer)
        for name, is_own in includes_of(path)
        if is_own and name.partition("/")[0] not in MAY_INCLUDE[layer]
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_includes_only_the_foreign_headers_that_are_its_own(layer: str) -> None:
    assert not offenders(
        (path, name)
        for path in sources(layer)
        for name, _ in includes_of(path)
        if FOREIGN.match(name)
        and not any(name.lower().startswith(one) for one in ALLOWED_FOREIGN[layer])
    )


def test_the_core_includes_the_c_library_and_nothing_of_the_system() -> None:
    assert not offenders(
        (path, name)
        for path in sources("core")
        for name, is_own in includes_of(path)
        if not is_own and name.removesuffix(".h") not in SYSTEM_OF_CORE | {"cjson/cJSON", "cJSON"}
    )


def test_cjson_is_known_to_json_c_alone() -> None:
    assert not offenders(
        (path, "cJSON")
        for path in sources(*LAYERS)
        if re.search(r"\bcJSON", code_of(path)) and named(path) != "csrc/core/json.c"
    )


def test_each_header_stands_alone() -> None:
    headers = [path for path in sources(*LAYERS) if path.suffix == ".h"]
    flags = [*pkg_config("--cflags", "libcjson", "libwebsockets"), "-I", str(ROOT / "csrc")]
    flags += ["-I", sysconfig.get_path("include")]
    compiler = [*CC, "-std=gnu11", "-fsyntax-only", "-w", *flags, "-x", "c"]
    result = subprocess.run([*compiler, *map(str, headers)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_only_the_outbox_may_wake_libwebsockets_from_another_thread() -> None:
    """One call is legal off the network thread, so one file makes it."""
    callers = [path for path in sources("net") if "lws_cancel_service(" in code_of(path)]
    assert [named(path) for path in callers] == ["csrc/net/guests.c"]


# ---- C: what must never be


def test_no_python_object_or_type_is_static() -> None:
    """They would be shared by interpreters."""
    banned = re.compile(r"\bstatic\s+PyObject\s*\*\s*\w+\s*[;=]|\bPyTypeObject\s+\w+\s*[;={]")
    assert not offenders(
        (path, found.group())
        for path in sources("py")
        if (found := banned.search(code_of(path))) is not None
    )


def test_no_thread_attaches_to_python() -> None:
    assert not offenders(
        (path, "PyGILState") for path in sources(*LAYERS) if "PyGILState_" in code_of(path)
    )


@pytest.fixture(scope="module")
def core_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the core linked with cJSON and the C library; not position independent, so that
    constant tables of pointers count as the constants they are."""
    folder = tmp_path_factory.mktemp("core")
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    program = folder / "core"
    flags = [*pkg_config("--cflags", "libcjson"), "-I", str(ROOT / "csrc"), '-DCP_VERSION="0"']
    files = [folder / "main.c", *sorted((ROOT / "csrc/core").glob("*.c"))]
    libraries = [*pkg_config("--libs", "libcjson"), "-lm"]
    compiler = [*CC, "-std=gnu11", "-O0", "-fno-pie", "-no-pie", *flags, "-o", str(program)]
    subprocess.run([*compiler, *map(str, files), *libraries], check=True)
    return program


def pkg_config(*what: str) -> list[str]:
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), *what]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def symbols(program: Path) -> Iterator[tuple[str, str]]:
    """Kind and name, as nm has them."""
    listing = subprocess.run(["nm", str(program)], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        *_, kind, name = line.split()
        yield kind, name.partition("@")[0]


def test_the_core_links_with_cjson_and_the_c_library_alone(core_program: Path) -> None:
    wanted = {name for kind, name in symbols(core_program) if kind in "Uw"}
    assert "cJSON_Delete" in wanted
    foreign = re.compile(r"_?Py|lws_|pthread_|SSL_|thrd_|mtx_|cnd_|socket$|poll$|connect$|send$")
    assert not list(filter(foreign.match, wanted))


def test_the_core_reads_no_clock_and_draws_no_random_numbers(core_program: Path) -> None:
    wanted = {name for kind, name in symbols(core_program) if kind in "Uw"}
    sources_of_surprise = {
        *("time", "clock", "clock_gettime", "gettimeofday", "timespec_get", "localtime", "gmtime"),
        *("rand", "random", "srand", "getrandom", "arc4random", "getenv", "setlocale"),
    }
    assert not wanted & sources_of_surprise


def test_the_core_has_no_variables_of_its_own(core_program: Path) -> None:
    ours = {name for kind, name in symbols(core_program) if kind in "BbDdCGgSs"}
    of_the_compiler = {
        *("__bss_start", "_edata", "_end", "__data_start", "data_start", "__dso_handle"),
        *("__TMC_END__", "_DYNAMIC", "_GLOBAL_OFFSET_TABLE_", "__frame_dummy_init_array_entry"),
        "__do_global_dtors_aux_fini_array_entry",
    }
    left = {name for name in ours - of_the_compiler if not name.startswith("completed.")}
    assert not left - {"stdin", "stdout", "stderr"}


# ---- Python

ASYNCIO_HALF = sorted((ROOT / "cometpresence/aio").glob("*.py"))
CLIENT_HALF = [
    path
    for path in [*sorted((ROOT / "cometpresence").glob("*.py")), *ASYNCIO_HALF]
    if path.name not in ("__main__.py", "pytest_plugin.py")  # the command line's, the emulator's
]
NOT_IN_THE_CLIENT = {"json", "ssl", "http", "urllib", "aiohttp", "asyncio", "pathlib", "uuid"}


def imports_of(path: Path) -> Iterator[str]:
    """The modules a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def is_asyncio_where_it_belongs(path: Path, name: str) -> bool:
    return name == "asyncio" and path in ASYNCIO_HALF


def test_the_client_half_knows_nothing_of_the_wire() -> None:
    assert CLIENT_HALF
    assert ASYNCIO_HALF
    assert not offenders(
        (path, name)
        for path in CLIENT_HALF
        for name in imports_of(path)
        if "emulator" in name.split(".")
        or (
            name.partition(".")[0] in NOT_IN_THE_CLIENT
            and not is_asyncio_where_it_belongs(path, name)
        )
    )


def test_the_emulator_shares_no_code_with_the_client() -> None:
    """So that the two check each other; what has one dot stays inside."""
    files = sorted((ROOT / "cometpresence/emulator").glob("*.py"))
    assert files
    assert not offenders(
        (path, name)
        for path in files
        for name in imports_of(path)
        if name.startswith("..") or name.partition(".")[0] == "cometpresence"
    )


# ---- all files


def our_files() -> list[Path]:
    found = [
        path
        for pattern in (
            "csrc/**/*.[ch]",
            "cometpresence/**/*.py*",
            "tests/**/*.[ch]",
            "tests/**/*.py",
        )
        for path in ROOT.glob(pattern)
        if path.suffix in (".c", ".h", ".py", ".pyi") and "node_modules" not in path.parts
    ]
    assert len(found) > 100
    return found


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    assert not offenders(
        (path, lines) for path in our_files() if (lines := path.read_text().count("\n")) > LONGEST
    )


def test_no_file_is_called_after_nothing_in_particular() -> None:
    banned = re.compile(r"(manager|helper|util|common|misc)s?", re.IGNORECASE)
    assert not offenders(
        (path, "") for path in our_files() if any(map(banned.fullmatch, path.stem.split("_")))
    )


def test_one_failure_has_one_code() -> None:
    """With ERR_ or without it, wherever it is found out."""
    ours = [*sources(*LAYERS), *(ROOT / "cometpresence").glob("*.py")]
    codes = {code for path in ours for code in re.findall(r'"([A-Z][A-Z_]{3,})"', path.read_text())}
    assert {"INVALID_PARAMETER", "ERR_TIMEOUT"} <= codes
    assert not {code for code in codes if f"ERR_{code}" in codes}
    assert "INVALID_ARGUMENT" not in codes
