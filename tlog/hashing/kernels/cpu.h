/* What an x86-64 processor has, and the operating system lets us use. */

#ifndef TLOG_CPU_H
#define TLOG_CPU_H

#define CPU_SHA 1u       /* with SSSE3 and SSE4.1 */
#define CPU_AVX2 2u      /* its registers are saved on a switch, too */
#define CPU_AVX512F 4u   /* likewise */
#define CPU_AVX512BW 8u  /* likewise */

/* Whether all of `wanted` is here. */
int cpu_has(unsigned wanted);

#endif
