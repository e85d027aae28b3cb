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
/* GCC before 14 has the intrinsics under this name alone. */
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

#define NEXT_ROUNDS(i)                                                           \
    do {                                                                         \
        NEXT(x0, x1, x2, x3), NEXT(y0, y1, y2, y3);                              \
        ROUNDS(i, x0, y0);                                                       \
        NEXT(x1, x2, x3, x0), NEXT(y1, y2, y3, y0);                              \
        ROUNDS((i) + 1, x1, y1);                                                 \
        NEXT(x2, x3, x0, x1), NEXT(y2, y3, y0, y1);                              \
        ROUNDS((i) + 2, x2, y2);                                                 \
        NEXT(x3, x0, x1, x2), NEXT(y3, y0, y1, y2);                              \
        ROUNDS((i) + 3, x3, y3);                                                 \
    } while (0)

INLINE void add_halves(struct halves *s, struct halves before)
{
    s->abcd = vaddq_u32(s->abcd, before.abcd);
    s->efgh = vaddq_u32(s->efgh, before.efgh);
}

/* One block of each message; x, y: its 16 words. */
INLINE void compress_words(struct halves *s, struct halves *t, const V x[4],
                           const V y[4])
{
    const struct halves s_before = *s, t_before = *t;
    V x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
    V y0 = y[0], y1 = y[1], y2 = y[2], y3 = y[3];
    ROUNDS(0, x0, y0);
    ROUNDS(1, x1, y1);
    ROUNDS(2, x2, y2);
    ROUNDS(3, x3, y3);
    NEXT_ROUNDS(4);
    NEXT_ROUNDS(8);
    NEXT_ROUNDS(12);
    add_halves(s, s_before);
    add_halves(t, t_before);
}

/* The second block of each node, from its last byte's schedule. */
INLINE void compress_second(struct halves *s, struct halves *t, uint8_t x, uint8_t y)
{
    const struct halves s_before = *s, t_before = *t;
    for (int i = 0; i < 64; i += 4) {
        FOUR_ROUNDS(*s, vld1q_u32(&tlog_second_kw[x][i]));
        FOUR_ROUNDS(*t, vld1q_u32(&tlog_second_kw[y][i]));
    }
    add_halves(s, s_before);
    add_halves(t, t_before);
}

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
