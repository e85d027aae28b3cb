/* Two messages interleaved, on a processor's own SHA-256 instructions.

   A round instruction waits some cycles for the one before it: the rounds of the other
   message fill the gap.  Included by a kernel that has defined

     INLINE, V               as for lanes.h, four words in a V
     struct halves           the state, as the instructions want it
     add_halves(s, before)   add a state from before
     ROUNDS(i, x, y)         rounds 4 * i to 4 * i + 3 of *s and *t on words x and y
     NEXT(m0, m1, m2, m3)    the next four words take the place of the oldest four
     LOOKED_UP(s, kw)        four rounds on words with their constants added

   Source: FIPS 180-4, 6.2.2. */

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
    const uint32_t *kx = tlog_second_kw[x], *ky = tlog_second_kw[y];
    for (int i = 0; i < 64; i += 4) {
        LOOKED_UP(*s, kx + i);
        LOOKED_UP(*t, ky + i);
    }
    add_halves(s, s_before);
    add_halves(t, t_before);
}
