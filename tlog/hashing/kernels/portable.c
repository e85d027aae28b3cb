/* Plain C, for every processor: one message at a time. */

#include "kernel.h"

const uint32_t tlog_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

const uint32_t tlog_h0[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

uint32_t tlog_second_kw[256][64];

static inline uint32_t rotated(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* Turn 16 words of a block into its whole schedule, round constants added. */
static void schedule(uint32_t w[64])
{
    for (int i = 16; i < 64; i++) {
        const uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3) + w[i - 7] +
               (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
    }
    for (int i = 0; i < 64; i++)
        w[i] += tlog_k[i];
}

void tlog_fill_second_kw(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t *words = tlog_second_kw[byte];
        memset(words, 0, 16 * sizeof *words);
        words[0] = byte << 24 | 0x00800000;
        words[15] = 8 * (1 + PAIR_BYTES);
        schedule(words);
    }
}

static void rounds(uint32_t state[8], const uint32_t kw[64])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        const uint32_t t = h + kw[i] + (g ^ (e & (f ^ g))) +
                           (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25));
        const uint32_t u = ((a & b) | (c & (a | b))) +
                           (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22));
        h = g, g = f, f = e, e = d + t;
        d = c, c = b, b = a, a = t + u;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void compress(uint32_t *state, const uint8_t *const *blocks)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = load_be32(blocks[0] + 4 * i);
    schedule(w);
    rounds(state, w);
}

static void pairs(const uint8_t *nodes, size_t count, uint8_t *hashes)
{
    for (size_t done = 0; done < count; done++) {
        const uint8_t *node = nodes + PAIR_BYTES * done;
        uint8_t first[BLOCK_BYTES];
        const uint8_t *blocks[1] = {first};
        uint32_t state[8];
        copy_first_block(first, node);
        memcpy(state, tlog_h0, sizeof state);
        compress(state, blocks);
        rounds(state, tlog_second_kw[node[PAIR_BYTES - 1]]);
        for (int i = 0; i < 8; i++)
            store_be32(hashes + HASH_BYTES * done + 4 * i, state[i]);
    }
}

static int is_supported(void)
{
    return 1;
}

const struct tlog_kernel tlog_portable = {
    is_supported, 1, 8, {0, 1, 2, 3, 4, 5, 6, 7}, compress, pairs};
