/* AVX-512: 16 messages in the 16 lanes of a register.

   Three-input logic and rotation are one instruction each, so a round takes 17 and a
   word of the schedule 11.  Inputs are turned by shuffles: a load for each message,
   then a register for each word. */

#include "kernel.h"

#if defined(__x86_64__)

#include "avx512.h"

typedef Z V;

#define ADD Z_ADD
#define SET1 Z_SET1
#define ROR Z_ROR
#define SHR Z_SHR
#define XOR3 Z_XOR3
#define CHOOSE Z_CHOOSE
#define MAJORITY Z_MAJORITY

#include "lanes.h"

TARGET static void compress(uint32_t *words, const uint8_t *const *blocks)
{
    V state[8], w[16];
    load_blocks(w, blocks);
    for (int i = 0; i < 8; i++)
        state[i] = _mm512_load_si512(words + 16 * i);
    compress_words(state, w);
    for (int i = 0; i < 8; i++)
        _mm512_store_si512(words + 16 * i, state[i]);
}

TARGET static void pairs(const uint8_t *nodes, size_t count, uint8_t *hashes)
{
    for (size_t done = 0; done < count; done += 16) {
        V state[8], w[16];
        const V last = load_nodes(w, nodes + PAIR_BYTES * done);
        for (int i = 0; i < 8; i++)
            state[i] = SET1(tlog_h0[i]);
        compress_words(state, w);
        compress_second(state, last);
        store_hashes(hashes + HASH_BYTES * done, state);
    }
}

static int is_supported(void)
{
    return cpu_has(CPU_AVX512F | CPU_AVX512BW);
}

const struct tlog_kernel tlog_avx512 = {
    is_supported, 16, 1, {0, 16, 32, 48, 64, 80, 96, 112}, compress, pairs};

#else

static int is_supported(void)
{
    return 0;
}

const struct tlog_kernel tlog_avx512 = {is_supported, 16, 1, {0}, 0, 0};

#endif
