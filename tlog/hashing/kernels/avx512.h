/* What the two AVX-512 kernels share: 16 messages and one register for each word. */

#ifndef TLOG_AVX512_H
#define TLOG_AVX512_H

#include <immintrin.h>

#include "cpu.h"
#include "kernel.h"

#define TARGET __attribute__((target("avx512f,avx512bw")))
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef __m512i Z;

#define Z_ADD(x, y) _mm512_add_epi32(x, y)
#define Z_SET1(word) _mm512_set1_epi32((int)(word))
#define Z_ROR(x, n) _mm512_ror_epi32(x, n)
#define Z_SHR(x, n) _mm512_srli_epi32(x, n)
/* The last argument is the truth table of the three. */
#define Z_XOR3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define Z_CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define Z_MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)

INLINE Z swap_bytes(Z words)
{
    const Z order = _mm512_broadcast_i32x4(
        _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    return _mm512_shuffle_epi8(words, order);
}

/* From 16 rows of 16 words to 16 columns, as they lie in memory. */
INLINE void transpose(Z rows[16])
{
    Z t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        rows[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        rows[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        rows[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* From a register for each word of the state to 16 hashes, one behind the other. */
INLINE void store_hashes(uint8_t *hashes, const Z state[8])
{
    const Z low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const Z high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    Z t[8], halves[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_epi32(state[i], state[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(state[i], state[i + 1]);
    }
    /* halves[r]: words 0 to 3 of the lanes r, r + 4, r + 8, r + 12; [r + 4]: 4 to 7. */
    for (int i = 0; i < 8; i += 4) {
        halves[i] = swap_bytes(_mm512_unpacklo_epi64(t[i], t[i + 2]));
        halves[i + 1] = swap_bytes(_mm512_unpackhi_epi64(t[i], t[i + 2]));
        halves[i + 2] = swap_bytes(_mm512_unpacklo_epi64(t[i + 1], t[i + 3]));
        halves[i + 3] = swap_bytes(_mm512_unpackhi_epi64(t[i + 1], t[i + 3]));
    }
    for (int r = 0; r < 4; r++) {
        Z first = _mm512_permutex2var_epi64(halves[r], low, halves[r + 4]);
        Z second = _mm512_permutex2var_epi64(halves[r], high, halves[r + 4]);
        uint8_t *at = hashes + HASH_BYTES * r;
        _mm256_storeu_si256((__m256i *)at, _mm512_castsi512_si256(first));
        _mm256_storeu_si256((__m256i *)(at + 4 * HASH_BYTES),
                            _mm512_extracti64x4_epi64(first, 1));
        _mm256_storeu_si256((__m256i *)(at + 8 * HASH_BYTES),
                            _mm512_castsi512_si256(second));
        _mm256_storeu_si256((__m256i *)(at + 12 * HASH_BYTES),
                            _mm512_extracti64x4_epi64(second, 1));
    }
}

/* The words of 16 blocks. */
INLINE void load_blocks(Z w[16], const uint8_t *const *blocks)
{
    for (int i = 0; i < 16; i++)
        w[i] = _mm512_loadu_si512(blocks[i]);
    transpose(w);
    for (int i = 0; i < 16; i++)
        w[i] = swap_bytes(w[i]);
}

/* The words of the first blocks of 16 nodes; returns word 0 of the second ones.

   A first block is loaded from one byte ahead of its node, so that its words lie as
   SHA-256 wants them.  That byte belongs to the node before, whose second block it
   begins; ahead of the first node it is masked, and so not read. */
INLINE Z load_nodes(Z w[16], const uint8_t *nodes)
{
    const Z top = Z_SET1(0xff000000u);
    w[0] = _mm512_maskz_loadu_epi8(~(__mmask64)1, nodes - 1);
    for (int i = 1; i < 16; i++)
        w[i] = _mm512_loadu_si512(nodes + PAIR_BYTES * i - 1);
    transpose(w);
    for (int i = 0; i < 16; i++)
        w[i] = swap_bytes(w[i]);
    const Z end = Z_SET1((uint32_t)nodes[PAIR_BYTES * 16 - 1] << 24);
    const Z last = _mm512_alignr_epi32(end, w[0], 1);
    /* (x & ~y) | z, and (x & y) | z with 0x80 behind the last byte. */
    w[0] = _mm512_ternarylogic_epi32(w[0], top, Z_SET1(0x01000000u), 0xba);
    return _mm512_ternarylogic_epi32(last, top, Z_SET1(0x00800000u), 0xea);
}

#endif
