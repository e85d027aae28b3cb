/* SHA-NI: the processor's own SHA-256 instructions, two messages interleaved.

   A round instruction waits four cycles for the one before it, and one can start
   every second cycle. */

#include "kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "cpu.h"

#define TARGET __attribute__((target("sha,ssse3,sse4.1")))
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef __m128i V;

/* The order in which the instructions want the state. */
struct halves {
    V abef, cdgh;
};

#define TWO_ROUNDS(s, kw, kw_high)                                               \
    do {                                                                         \
        (s).cdgh = _mm_sha256rnds2_epu32((s).cdgh, (s).abef, kw);                \
        (s).abef = _mm_sha256rnds2_epu32((s).abef, (s).cdgh, kw_high);           \
    } while (0)

/* Four rounds of each message. */
#define ROUNDS(i, x, y)                                                          \
    do {                                                                         \
        const V k = _mm_loadu_si128((const V *)&tlog_k[4 * (i)]);                \
        const V kx = _mm_add_epi32(x, k), ky = _mm_add_epi32(y, k);              \
        TWO_ROUNDS(*s, kx, _mm_shuffle_epi32(kx, 0x0e));                         \
        TWO_ROUNDS(*t, ky, _mm_shuffle_epi32(ky, 0x0e));                         \
    } while (0)

/* The next four words of a schedule take the place of the oldest four. */
#define NEXT(m0, m1, m2, m3)                                                     \
    (m0 = _mm_sha256msg2_epu32(                                                  \
         _mm_add_epi32(_mm_sha256msg1_epu32(m0, m1), _mm_alignr_epi8(m3, m2, 4)), \
         m3))

/* The upper two words are loaded again; to shuffle them down takes as long. */
#define LOOKED_UP(s, kw)                                                         \
    TWO_ROUNDS(s, _mm_loadu_si128((const V *)(kw)),                              \
               _mm_loadl_epi64((const V *)((kw) + 2)))

INLINE void add_halves(struct halves *s, struct halves before)
{
    s->abef = _mm_add_epi32(s->abef, before.abef);
    s->cdgh = _mm_add_epi32(s->cdgh, before.cdgh);
}

#include "two.h"

INLINE V byte_order(void)
{
    return _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
}

INLINE void load_block(V w[4], const uint8_t *block)
{
    for (int i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const V *)(block + 16 * i)),
                                byte_order());
}

/* A node's first block: everything moved by one byte, behind a 0x01. */
INLINE void load_node(V w[4], const uint8_t *node)
{
    const V head = _mm_slli_si128(_mm_loadu_si128((const V *)node), 1);
    w[0] = _mm_shuffle_epi8(_mm_or_si128(head, _mm_cvtsi32_si128(1)), byte_order());
    for (int i = 1; i < 4; i++)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const V *)(node + 16 * i - 1)),
                                byte_order());
}

INLINE struct halves initial(void)
{
    return (struct halves){
        _mm_set_epi32((int)0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
}

INLINE void store_hash(uint8_t *hash, struct halves s)
{
    /* In memory order: the registers' names have the highest word first. */
    const V abef = _mm_shuffle_epi32(s.abef, 0x1b), cdgh = _mm_shuffle_epi32(s.cdgh, 0x1b);
    const V abcd = _mm_unpacklo_epi64(abef, cdgh), efgh = _mm_unpackhi_epi64(abef, cdgh);
    _mm_storeu_si128((V *)hash, _mm_shuffle_epi8(abcd, byte_order()));
    _mm_storeu_si128((V *)(hash + 16), _mm_shuffle_epi8(efgh, byte_order()));
}

TARGET static void compress(uint32_t *state, const uint8_t *const *blocks)
{
    V *words = (V *)state, x[4], y[4];
    struct halves s = {words[0], words[1]}, t = {words[2], words[3]};
    load_block(x, blocks[0]);
    load_block(y, blocks[1]);
    compress_words(&s, &t, x, y);
    words[0] = s.abef, words[1] = s.cdgh;
    words[2] = t.abef, words[3] = t.cdgh;
}

TARGET static void pairs(const uint8_t *nodes, size_t count, uint8_t *hashes)
{
    for (size_t done = 0; done < count; done += 2) {
        const uint8_t *one = nodes + PAIR_BYTES * done;
        /* A last node alone is hashed twice. */
        const size_t step = done + 1 < count;
        const uint8_t *other = one + PAIR_BYTES * step;
        struct halves s = initial(), t = initial();
        V x[4], y[4];
        load_node(x, one);
        load_node(y, other);
        compress_words(&s, &t, x, y);
        compress_second(&s, &t, one[PAIR_BYTES - 1], other[PAIR_BYTES - 1]);
        store_hash(hashes + HASH_BYTES * done, s);
        store_hash(hashes + HASH_BYTES * (done + step), t);
    }
}

static int is_supported(void)
{
    return cpu_has(CPU_SHA);
}

const struct tlog_kernel tlog_shani = {
    is_supported, 2, 8, {3, 2, 7, 6, 1, 0, 5, 4}, compress, pairs};

#else

static int is_supported(void)
{
    return 0;
}

const struct tlog_kernel tlog_shani = {is_supported, 2, 8, {0}, 0, 0};

#endif
