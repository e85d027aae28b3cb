/* AVX2: 8 messages in the 8 lanes of a register.

   No rotation and no three-input logic: a rotation is two shifts and an or. */

#include "kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "cpu.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef __m256i V;

#define XOR(a, b) _mm256_xor_si256(a, b)
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)

#define ADD(a, b) _mm256_add_epi32(a, b)
#define SET1(word) _mm256_set1_epi32((int)(word))
#define SHR(x, n) _mm256_srli_epi32(x, n)
#define ROR(x, n) OR(SHR(x, n), _mm256_slli_epi32(x, 32 - (n)))
#define XOR3(x, y, z) XOR(XOR(x, y), z)
#define CHOOSE(x, y, z) XOR(z, AND(x, XOR(y, z)))
#define MAJORITY(x, y, z) OR(AND(x, y), AND(z, OR(x, y)))

#include "lanes.h"

INLINE V swap_bytes(V words)
{
    const V order = _mm256_broadcastsi128_si256(
        _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    return _mm256_shuffle_epi8(words, order);
}

/* From 8 rows of 8 words to 8 columns, as they lie in memory. */
INLINE void transpose(V rows[8])
{
    V t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        rows[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        const V low = rows[i], high = rows[i + 4];
        rows[i] = _mm256_permute2x128_si256(low, high, 0x20);
        rows[i + 4] = _mm256_permute2x128_si256(low, high, 0x31);
    }
}

/* The 16 words of a block of each message. */
INLINE void load_blocks(V w[16], const uint8_t *const *blocks)
{
    for (int half = 0; half < 16; half += 8) {
        for (int i = 0; i < 8; i++)
            w[half + i] = _mm256_loadu_si256((const V *)(blocks[i] + 4 * half));
        transpose(w + half);
    }
    for (int i = 0; i < 16; i++)
        w[i] = swap_bytes(w[i]);
}

TARGET static void compress(uint32_t *words, const uint8_t *const *blocks)
{
    V state[8], w[16];
    load_blocks(w, blocks);
    for (int i = 0; i < 8; i++)
        state[i] = _mm256_load_si256((const V *)(words + 8 * i));
    compress_words(state, w);
    for (int i = 0; i < 8; i++)
        _mm256_store_si256((V *)(words + 8 * i), state[i]);
}

/* As in avx512.c; here the first node's first block is copied. */
TARGET static void pairs(const uint8_t *nodes, size_t count, uint8_t *hashes)
{
    const V top = SET1(0xff000000u);
    for (size_t done = 0; done < count; done += 8) {
        const uint8_t *at = nodes + PAIR_BYTES * done;
        const uint8_t *blocks[8];
        uint8_t first[BLOCK_BYTES], last[32];
        V state[8], w[16];
        copy_first_block(first, at);
        blocks[0] = first;
        for (int i = 1; i < 8; i++)
            blocks[i] = at + PAIR_BYTES * i - 1;
        for (int i = 0; i < 8; i++) {
            const uint8_t word[4] = {0, 0, 0x80, at[PAIR_BYTES * i + PAIR_BYTES - 1]};
            memcpy(last + 4 * i, word, sizeof word);
        }
        load_blocks(w, blocks);
        w[0] = OR(_mm256_andnot_si256(top, w[0]), SET1(0x01000000u));
        for (int i = 0; i < 8; i++)
            state[i] = SET1(tlog_h0[i]);
        compress_words(state, w);
        compress_second(state, _mm256_loadu_si256((const V *)last));
        transpose(state);
        for (int i = 0; i < 8; i++)
            _mm256_storeu_si256((V *)(hashes + HASH_BYTES * (done + (size_t)i)),
                                swap_bytes(state[i]));
    }
}

static int is_supported(void)
{
    return cpu_has(CPU_AVX2);
}

const struct tlog_kernel tlog_avx2 = {
    is_supported, 8, 1, {0, 8, 16, 24, 32, 40, 48, 56}, compress, pairs};

#else

static int is_supported(void)
{
    return 0;
}

const struct tlog_kernel tlog_avx2 = {is_supported, 8, 1, {0}, 0, 0};

#endif
