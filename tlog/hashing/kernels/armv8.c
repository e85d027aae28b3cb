/* ARMv8: the processor's own SHA-256 instructions, two messages interleaved. */

#include "kernel.h"

/* Clang before 16 declares the intrinsics only where every function may use them. */
#if defined(__aarch64__) && \
    (!defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_SHA2))

#include <arm_neon.h>

#if defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__clang__)
#define TARGET __attribute__((target("sha2")))
#else
/* GCC 11 and 12 have the intrinsics under this name alone. */
#define TARGET __attribute__((target("+crypto")))
#endif
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef uint32x4_t V;

struct halves {
    V abcd, efgh;
};

#define FOUR_ROUNDS(s, kw)                                                       \
    do {                                                                         \
        const V abcd = (s).abcd;                                                 \
        (s).abcd = vsha256hq_u32(abcd, (s).efgh, kw);                            \
        (s).efgh = vsha256h2q_u32((s).efgh, abcd, kw);                           \
    } while (0)

/* Four rounds of each message. */
#define ROUNDS(i, x, y)                                                          \
    do {                                                                         \
        const V k = vld1q_u32(&tlog_k[4 * (i)]);                                 \
        FOUR_ROUNDS(*s, vaddq_u32(x, k));                                        \
        FOUR_ROUNDS(*t, vaddq_u32(y, k));                                        \
    } while (0)

/* The next four words of a schedule take the place of the oldest four. */
#define NEXT(m0, m1, m2, m3) (m0 = vsha256su1q_u32(vsha256su0q_u32(m0, m1), m2, m3))

#define LOOKED_UP(s, kw) FOUR_ROUNDS(s, vld1q_u32(kw))

INLINE void add_halves(struct halves *s, struct halves before)
{
    s->abcd = vaddq_u32(s->abcd, before.abcd);
    s->efgh = vaddq_u32(s->efgh, before.efgh);
}

#include "two.h"

INLINE void load_block(V w[4], const uint8_t *block)
{
    for (int i = 0; i < 4; i++)
        w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block + 16 * i)));
}

INLINE struct halves initial(void)
{
    return (struct halves){vld1q_u32(tlog_h0), vld1q_u32(tlog_h0 + 4)};
}

INLINE void store_hash(uint8_t *hash, struct halves s)
{
    vst1q_u8(hash, vrev32q_u8(vreinterpretq_u8_u32(s.abcd)));
    vst1q_u8(hash + 16, vrev32q_u8(vreinterpretq_u8_u32(s.efgh)));
}

TARGET static void compress(uint32_t *state, const uint8_t *const *blocks)
{
    struct halves s = {vld1q_u32(state), vld1q_u32(state + 4)};
    struct halves t = {vld1q_u32(state + 8), vld1q_u32(state + 12)};
    V x[4], y[4];
    load_block(x, blocks[0]);
    load_block(y, blocks[1]);
    compress_words(&s, &t, x, y);
    vst1q_u32(state, s.abcd), vst1q_u32(state + 4, s.efgh);
    vst1q_u32(state + 8, t.abcd), vst1q_u32(state + 12, t.efgh);
}

TARGET static void pairs(const uint8_t *nodes, size_t count, uint8_t *hashes)
{
    for (size_t done = 0; done < count; done += 2) {
        const uint8_t *one = nodes + PAIR_BYTES * done;
        /* A last node alone is hashed twice. */
        const size_t step = done + 1 < count;
        const uint8_t *other = one + PAIR_BYTES * step;
        struct halves s = initial(), t = initial();
        uint8_t first[2][BLOCK_BYTES];
        V x[4], y[4];
        copy_first_block(first[0], one);
        copy_first_block(first[1], other);
        load_block(x, first[0]);
        load_block(y, first[1]);
        compress_words(&s, &t, x, y);
        compress_second(&s, &t, one[PAIR_BYTES - 1], other[PAIR_BYTES - 1]);
        store_hash(hashes + HASH_BYTES * done, s);
        store_hash(hashes + HASH_BYTES * (done + step), t);
    }
}

static int is_supported(void)
{
#if defined(__APPLE__) || defined(__ARM_FEATURE_SHA2)
    return 1;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
#else
    return 0;
#endif
}

const struct tlog_kernel tlog_armv8 = {
    is_supported, 2, 8, {0, 1, 2, 3, 4, 5, 6, 7}, compress, pairs};

#else

static int is_supported(void)
{
    return 0;
}

const struct tlog_kernel tlog_armv8 = {is_supported, 2, 8, {0}, 0, 0};

#endif
