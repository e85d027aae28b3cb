"""Builds the kernels when the package is built; without a compiler, it goes without.

Run by setuptools (`tool.setuptools.cmdclass`), never imported by the server: cffi turns
the declarations of `hashing.h` into a module, which is compiled with the kernels.
"""

import re
import sys
from pathlib import Path
from typing import Final

from cffi import FFI
from setuptools import Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, ExecError, PlatformError

_HERE: Final = Path(__file__).parent
_FAILED: Final = (
    "tlog: no hashing kernels: the C compiler is missing or failed.  All works, on "
    "hashlib, and slower; with a compiler, install again."
)


def declarations() -> str:
    """Return what `hashing.h` declares, without comments and directives."""
    header = (_HERE / "hashing.h").read_text("utf-8")
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    return "\n".join(line for line in code.splitlines() if not line.startswith("#"))


class BuildKernels(build_ext):
    """`build_ext` that writes the binding first, and forgives a missing compiler."""

    def build_extension(  # type: ignore[explicit-override]  # typing: from 3.12
        self, ext: Extension
    ) -> None:
        """Write the binding, then compile it with the kernels."""
        ffi = FFI()
        ffi.cdef(declarations())
        ffi.set_source(ext.name, '#include "hashing.h"')
        binding = Path(self.build_temp) / "_native.c"
        binding.parent.mkdir(parents=True, exist_ok=True)
        ffi.emit_c_code(str(binding))
        ext.sources = [*ext.sources, str(binding)]
        try:
            super().build_extension(ext)
        except (CCompilerError, ExecError, PlatformError):
            print(_FAILED, file=sys.stderr)
            # What was not built is neither copied nor installed.
            self.extensions = [it for it in self.extensions if it is not ext]
