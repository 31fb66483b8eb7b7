"""Builds cometpresence._core; everything else about the package is in pyproject.toml."""

import os
import shlex
import subprocess
import tomllib
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

LIBRARIES = {"libwebsockets": "libwebsockets", "libcjson": "cJSON", "openssl": "OpenSSL"}
HOW_TO_INSTALL = """\
Install what is missing, then try again:

    Debian, Ubuntu    apt install gcc pkg-config python3-dev libwebsockets-dev libcjson-dev libssl-dev
    Fedora            dnf install gcc pkgconf-pkg-config python3-devel libwebsockets-devel cjson-devel openssl-devel
    macOS, Homebrew   brew install pkg-config libwebsockets cjson openssl
"""

# Calls go across files here, once per frame and per event.  Not every compiler has the linker for it.
ACROSS_FILES = ["-flto=auto"]

# Ours before the distribution's: some define a weaker level, which must not be said twice.
CHECKED = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong"]
# Nothing of the table of foreign functions can be written to once it is loaded.  ELF alone.
READ_ONLY = ["-Wl,-z,relro,-z,now"]

VERSION = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def pkg_config(*arguments: str) -> str:
    """What pkg-config answers; CalledProcessError when it knows no such library."""
    command = [*shlex.split(os.environ.get("PKG_CONFIG", "pkg-config")), *arguments]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def missing_libraries() -> list[str]:
    missing = []
    for module, name in LIBRARIES.items():
        try:
            pkg_config("--exists", module)
        except OSError:
            return ["pkg-config"]
        except subprocess.CalledProcessError:
            missing.append(name)
    return missing


class BuildCore(build_ext):
    """Asks pkg-config only when something is compiled: an sdist needs no library at all."""

    def can_build(self, options: list[str]) -> bool:
        """Whether this compiler makes an extension with them."""
        with TemporaryDirectory() as folder:
            source = Path(folder, "try.c")
            source.write_text("int cp_try(void);\nint cp_try(void)\n{\n    return 0;\n}\n")
            try:
                objects = self.compiler.compile(
                    [str(source)], folder, extra_postargs=[*options, "-Werror"]
                )
                self.compiler.link_shared_object(
                    objects, str(Path(folder, "try.so")), extra_postargs=options
                )
            except (CompileError, LinkError):
                return False
        return True

    def build_extensions(self) -> None:
        if missing := missing_libraries():
            raise SystemExit(
                f"error: cometpresence cannot be built, not found: {' and '.join(missing)}.\n\n"
                f"{HOW_TO_INSTALL}"
            )
        read_only = READ_ONLY if self.can_build(READ_ONLY) else []
        across_files = ACROSS_FILES if self.can_build(ACROSS_FILES) else []
        for extension in self.extensions:
            extension.extra_compile_args += across_files
            extension.extra_link_args += across_files + read_only
            extension.extra_compile_args += shlex.split(pkg_config("--cflags", *LIBRARIES))
            extension.extra_link_args += shlex.split(pkg_config("--libs", *LIBRARIES))
        super().build_extensions()


def sources(*layers: str) -> list[str]:
    return sorted(path for layer in layers for path in glob(f"csrc/{layer}/*.c"))


core = Extension(
    "cometpresence._core",
    sources=sources("core", "net", "py"),
    depends=["setup.py", "pyproject.toml", *sorted(glob("csrc/*/*.h"))],
    include_dirs=["csrc"],
    define_macros=[("CP_VERSION", f'"{VERSION}"')],
    # gnu11, not c11: net/ and py/ use what Python.h and libwebsockets ask of the C library.
    extra_compile_args=[
        *["-std=gnu11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden", "-pthread"],
        *CHECKED,
    ],
    extra_link_args=["-pthread"],
)

setup(ext_modules=[core], cmdclass={"build_ext": BuildCore})
