/* AVX-512 twice: 32 messages in the lanes of two registers, interleaved.

   Where an instruction of vectors takes two cycles (Zen 5), the rounds of 16 messages
   wait for each other; those of 16 more fill the gaps.  The words of the schedule no
   longer fit into registers: they come from the first-level cache. */

#include "kernel.h"

#if defined(__x86_64__)

#include "avx512.h"

typedef struct {
    Z x, y;
} V;

#define ROR(v, n) ((V){Z_ROR((v).x, n), Z_ROR((v).y, n)})
#define SHR(v, n) ((V){Z_SHR((v).x, n), Z_SHR((v).y, n)})

INLINE V ADD(V a, V b)
{
    return (V){Z_ADD(a.x, b.x), Z_ADD(a.y, b.y)};
}

INLINE V SET1(uint32_t word)
{
    return (V){Z_SET1(word), Z_SET1(word)};
}

INLINE V XOR3(V a, V b, V c)
{
    return (V){Z_XOR3(a.x, b.x, c.x), Z_XOR3(a.y, b.y, c.y)};
}

INLINE V CHOOSE(V a, V b, V c)
{
    return (V){Z_CHOOSE(a.x, b.x, c.x), Z_CHOOSE(a.y, b.y, c.y)};
}

INLINE V MAJORITY(V a, V b, V c)
{
    return (V){Z_MAJORITY(a.x, b.x, c.x), Z_MAJORITY(a.y, b.y, c.y)};
}

#include "lanes.h"

TARGET static void compress(uint32_t *words, const uint8_t *const *blocks)
{
    Z x[16], y[16];
    V state[8], w[16];
    load_blocks(x, blocks);
    load_blocks(y, blocks + 16);
    for (int i = 0; i < 16; i++)
        w[i] = (V){x[i], y[i]};
    for (int i = 0; i < 8; i++)
        state[i] = (V){_mm512_load_si512(words + 32 * i),
                       _mm512_load_si512(words + 32 * i + 16)};
    compress_words(state, w);
    for (int i = 0; i < 8; i++) {
        _mm512_store_si512(words + 32 * i, state[i].x);
        _mm512_store_si512(words + 32 * i + 16, state[i].y);
    }
}

TARGET static void pairs(const uint8_t *nodes, size_t count, uint8_t *hashes)
{
    for (size_t done = 0; done < count; done += 32) {
        Z x[16], y[16];
        V state[8], w[16];
        const V last = {load_nodes(x, nodes + PAIR_BYTES * done),
                        load_nodes(y, nodes + PAIR_BYTES * (done + 16))};
        for (int i = 0; i < 16; i++)
            w[i] = (V){x[i], y[i]};
        for (int i = 0; i < 8; i++)
            state[i] = SET1(tlog_h0[i]);
        compress_words(state, w);
        compress_second(state, last);
        for (int i = 0; i < 8; i++)
            x[i] = state[i].x, y[i] = state[i].y;
        store_hashes(hashes + HASH_BYTES * done, x);
        store_hashes(hashes + HASH_BYTES * (done + 16), y);
    }
}

static int is_supported(void)
{
    return cpu_has(CPU_AVX512F | CPU_AVX512BW);
}

const struct tlog_kernel tlog_avx512x2 = {
    is_supported, 32, 1, {0, 32, 64, 96, 128, 160, 192, 224}, compress, pairs};

#else

static int is_supported(void)
{
    return 0;
}

const struct tlog_kernel tlog_avx512x2 = {is_supported, 32, 1, {0}, 0, 0};

#endif
