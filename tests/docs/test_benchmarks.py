"""What benchmarks read of the package is where they look for it."""

from benchmarks.bench_tricks import kernel_flags


def test_the_tricks_are_measured_with_the_flags_of_the_kernels() -> None:
    as_built = kernel_flags("-O3")
    assert "-fvisibility=hidden" in as_built
    assert [it.replace("-O3", "-O2") for it in as_built] == kernel_flags("-O2")
