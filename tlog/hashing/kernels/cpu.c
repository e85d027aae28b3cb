/* Asks the processor by CPUID, and the operating system by XGETBV.

   Source: Intel SDM, volume 2, CPUID; volume 1, 14.3 and 15.2 (detection). */

#include "cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdint.h>

static uint64_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static unsigned found(void)
{
    unsigned a, b, c, d, has = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    const int has_sse = (c >> 9 & 1) && (c >> 19 & 1);
    const uint64_t saved = c >> 27 & 1 ? saved_registers() : 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    if (has_sse && (b >> 29 & 1))
        has |= CPU_SHA;
    /* XMM and YMM, then the masks and both halves of ZMM. */
    if ((saved & 0x06) == 0x06 && (b >> 5 & 1))
        has |= CPU_AVX2;
    if ((saved & 0xe6) == 0xe6)
        has |= (b >> 16 & 1 ? CPU_AVX512F : 0) | (b >> 30 & 1 ? CPU_AVX512BW : 0);
    return has;
}

int cpu_has(unsigned wanted)
{
    return (found() & wanted) == wanted;
}

#else

int cpu_has(unsigned wanted)
{
    (void)wanted;
    return 0;
}

#endif
