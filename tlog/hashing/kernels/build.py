"""Builds the C of the package; without a compiler, the package goes without.

Run by setuptools (`tool.setuptools.cmdclass`), never imported by the server: cffi turns
the declarations of a header into a module, which is compiled with the sources.
"""

import re
import sys
from pathlib import Path
from typing import Final

from cffi import FFI
from setuptools import Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, ExecError, PlatformError

_TLOG: Final = Path(__file__).parents[2]
_HEADERS: Final = {
    "tlog.hashing._native": _TLOG / "hashing" / "kernels" / "hashing.h",
    "tlog.entries._scanner": _TLOG / "entries" / "scanner" / "scanner.h",
}
_FAILED: Final = (
    "tlog: {} was not built: the C compiler is missing or failed.  All works, without "
    "it, and slower; with a compiler, install again."
)


def declarations(header: Path) -> str:
    """Return what a header declares, without comments and directives."""
    text = header.read_text("utf-8")
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line for line in code.splitlines() if not line.startswith("#"))


class BuildKernels(build_ext):
    """`build_ext` that writes the binding first, and forgives a missing compiler."""

    def build_extension(  # type: ignore[explicit-override]  # typing: from 3.12
        self, ext: Extension
    ) -> None:
        """Write the binding, then compile it with the sources."""
        header = _HEADERS[ext.name]
        ffi = FFI()
        ffi.cdef(declarations(header))
        ffi.set_source(ext.name, f'#include "{header.name}"')
        binding = Path(self.build_temp) / f"{ext.name.rpartition('.')[2]}.c"
        binding.parent.mkdir(parents=True, exist_ok=True)
        ffi.emit_c_code(str(binding))
        ext.sources = [*ext.sources, str(binding)]
        try:
            super().build_extension(ext)
        except (CCompilerError, ExecError, PlatformError):
            print(_FAILED.format(ext.name), file=sys.stderr)
            # What was not built is neither copied nor installed.
            self.extensions = [it for it in self.extensions if it is not ext]
