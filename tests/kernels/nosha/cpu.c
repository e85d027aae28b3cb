/* In the place of the kernels' cpu.c: a processor with all but SHA-NI, as many with
   AVX-512 are.  What is left over from the lanes then goes other ways. */

#include "cpu.h"

int cpu_has(unsigned wanted)
{
#if defined(__x86_64__)
    unsigned has = 0;
    has |= __builtin_cpu_supports("avx2") ? CPU_AVX2 : 0;
    has |= __builtin_cpu_supports("avx512f") ? CPU_AVX512F : 0;
    has |= __builtin_cpu_supports("avx512bw") ? CPU_AVX512BW : 0;
    return (has & wanted) == wanted;
#else
    (void)wanted;
    return 0;
#endif
}
