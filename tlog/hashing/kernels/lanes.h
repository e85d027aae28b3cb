/* The rounds of SHA-256 over vectors: one message in each lane.

   Included by a kernel that has defined, for its vector type V:

     INLINE                  static, always inlined, with the kernel's target
     ADD(a, b)  SET1(word)   32-bit lanes; SET1 puts one word into all
     ROR(x, n)  SHR(x, n)    rotate and shift right by a constant
     XOR3  CHOOSE  MAJORITY  of three vectors: FIPS 180-4, 4.1.2

   Source: FIPS 180-4, 6.2.2. */

#define BIG0(x) XOR3(ROR(x, 2), ROR(x, 13), ROR(x, 22))
#define BIG1(x) XOR3(ROR(x, 6), ROR(x, 11), ROR(x, 25))
#define SMALL0(x) XOR3(ROR(x, 7), ROR(x, 18), SHR(x, 3))
#define SMALL1(x) XOR3(ROR(x, 17), ROR(x, 19), SHR(x, 10))

#define ROUND(a, b, c, d, e, f, g, h, kw)                                        \
    do {                                                                         \
        V t = ADD(ADD(ADD(h, kw), CHOOSE(e, f, g)), BIG1(e));                    \
        d = ADD(d, t);                                                           \
        h = ADD(ADD(t, MAJORITY(a, b, c)), BIG0(a));                             \
    } while (0)

/* Eight rounds: after them every variable holds what its name says again. */
#define ROUNDS(kw0, kw1, kw2, kw3, kw4, kw5, kw6, kw7)                           \
    do {                                                                         \
        ROUND(a, b, c, d, e, f, g, h, kw0);                                      \
        ROUND(h, a, b, c, d, e, f, g, kw1);                                      \
        ROUND(g, h, a, b, c, d, e, f, kw2);                                      \
        ROUND(f, g, h, a, b, c, d, e, kw3);                                      \
        ROUND(e, f, g, h, a, b, c, d, kw4);                                      \
        ROUND(d, e, f, g, h, a, b, c, kw5);                                      \
        ROUND(c, d, e, f, g, h, a, b, kw6);                                      \
        ROUND(b, c, d, e, f, g, h, a, kw7);                                      \
    } while (0)

#define ADD_TO_STATE()                                                           \
    do {                                                                         \
        state[0] = ADD(state[0], a), state[1] = ADD(state[1], b);                \
        state[2] = ADD(state[2], c), state[3] = ADD(state[3], d);                \
        state[4] = ADD(state[4], e), state[5] = ADD(state[5], f);                \
        state[6] = ADD(state[6], g), state[7] = ADD(state[7], h);                \
    } while (0)

#define K(i) SET1(tlog_k[i])
#define KW(i, word) ADD(word, K(i))

/* Word i + 16 takes the place of word i in w[0..15]. */
#define NEXT(i)                                                                  \
    (w[(i) & 15] = ADD(ADD(w[(i) & 15], SMALL0(w[((i) + 1) & 15])),              \
                       ADD(w[((i) + 9) & 15], SMALL1(w[((i) + 14) & 15]))))

#define NEXT_ROUNDS(i)                                                           \
    ROUNDS(KW((i), NEXT(i)), KW((i) + 1, NEXT((i) + 1)),                         \
           KW((i) + 2, NEXT((i) + 2)), KW((i) + 3, NEXT((i) + 3)),               \
           KW((i) + 4, NEXT((i) + 4)), KW((i) + 5, NEXT((i) + 5)),               \
           KW((i) + 6, NEXT((i) + 6)), KW((i) + 7, NEXT((i) + 7)))

/* Add the compression of block w[0..15] to state[0..7]; w is used up. */
INLINE void compress_words(V state[8], V w[16])
{
    V a = state[0], b = state[1], c = state[2], d = state[3];
    V e = state[4], f = state[5], g = state[6], h = state[7];

    ROUNDS(KW(0, w[0]), KW(1, w[1]), KW(2, w[2]), KW(3, w[3]), KW(4, w[4]),
           KW(5, w[5]), KW(6, w[6]), KW(7, w[7]));
    ROUNDS(KW(8, w[8]), KW(9, w[9]), KW(10, w[10]), KW(11, w[11]), KW(12, w[12]),
           KW(13, w[13]), KW(14, w[14]), KW(15, w[15]));
    for (int i = 16; i < 64; i += 16) {
        NEXT_ROUNDS(i);
        NEXT_ROUNDS(i + 8);
    }
    ADD_TO_STATE();
}

/* The second block of a node, word by word.  Word 0 is a byte of the node and
   0x80; words 1 to 14 are zero, and word 15 is the length.  So words 17, 19 and 21
   are the same for all nodes, and the words up to 31 have few terms. */
#define ROTATED(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define FIXED0(x) (ROTATED(x, 7) ^ ROTATED(x, 18) ^ (x) >> 3)
#define FIXED1(x) (ROTATED(x, 17) ^ ROTATED(x, 19) ^ (x) >> 10)
#define WORD15 520u
#define WORD17 FIXED1(WORD15)
#define WORD19 FIXED1(WORD17)
#define WORD21 FIXED1(WORD19)
#define K_FIXED(i, word) SET1(tlog_k[i] + (word))

/* Add the compression of the second block; first: its word 0 in each lane. */
INLINE void compress_second(V state[8], V first)
{
    V a = state[0], b = state[1], c = state[2], d = state[3];
    V e = state[4], f = state[5], g = state[6], h = state[7];
    V w[16];

    ROUNDS(KW(0, first), K(1), K(2), K(3), K(4), K(5), K(6), K(7));
    ROUNDS(K(8), K(9), K(10), K(11), K(12), K(13), K(14), K_FIXED(15, WORD15));
    w[0] = first;
    w[1] = SET1(WORD17);
    w[2] = SMALL1(w[0]);
    w[3] = SET1(WORD19);
    w[4] = SMALL1(w[2]);
    w[5] = SET1(WORD21);
    w[6] = ADD(SMALL1(w[4]), SET1(WORD15));
    w[7] = ADD(w[0], SET1(FIXED1(WORD21)));
    ROUNDS(KW(16, w[0]), K_FIXED(17, WORD17), KW(18, w[2]), K_FIXED(19, WORD19),
           KW(20, w[4]), K_FIXED(21, WORD21), KW(22, w[6]), KW(23, w[7]));
    w[8] = ADD(SMALL1(w[6]), w[1]);
    w[9] = ADD(SMALL1(w[7]), w[2]);
    w[10] = ADD(SMALL1(w[8]), w[3]);
    w[11] = ADD(SMALL1(w[9]), w[4]);
    w[12] = ADD(SMALL1(w[10]), w[5]);
    w[13] = ADD(SMALL1(w[11]), w[6]);
    w[14] = ADD(ADD(SMALL1(w[12]), w[7]), SET1(FIXED0(WORD15)));
    w[15] = ADD(ADD(SMALL1(w[13]), w[8]), ADD(SMALL0(w[0]), SET1(WORD15)));
    ROUNDS(KW(24, w[8]), KW(25, w[9]), KW(26, w[10]), KW(27, w[11]),
           KW(28, w[12]), KW(29, w[13]), KW(30, w[14]), KW(31, w[15]));
    for (int i = 32; i < 64; i += 16) {
        NEXT_ROUNDS(i);
        NEXT_ROUNDS(i + 8);
    }
    ADD_TO_STATE();
}
