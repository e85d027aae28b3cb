/* See textbook.h; the constants are computed from the primes.

   Source: FIPS 180-4, 4.1.2, 4.2.2, 5.1.1, 5.3.3, 6.2.2; RFC 6962, 2.1. */

#include "textbook.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t first_words[8], round_words[64];

/* The first 32 bits of a root's fraction. */
static uint32_t fraction(double root)
{
    return (uint32_t)((root - floor(root)) * 4294967296.0);
}

static void fill_constants(void)
{
    int found = 0;
    for (int number = 2; found < 64; number++) {
        int divisor = 2;
        while (number % divisor)
            divisor++;
        if (divisor < number)
            continue;
        if (found < 8)
            first_words[found] = fraction(sqrt(number));
        round_words[found++] = fraction(cbrt(number));
    }
}

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

struct digest {
    uint32_t h[8];
    uint8_t block[64];
    size_t filled;
    uint64_t bytes;
};

static void digest_block(struct digest *digest)
{
    uint32_t w[64], v[8];
    for (int t = 0; t < 16; t++) {
        const uint8_t *m = digest->block + 4 * t;
        w[t] = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
    }
    for (int t = 16; t < 64; t++) {
        const uint32_t x = w[t - 15], y = w[t - 2];
        w[t] = (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10) + w[t - 7] +
               (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + w[t - 16];
    }
    memcpy(v, digest->h, sizeof v);
    for (int t = 0; t < 64; t++) {
        const uint32_t a = v[0], b = v[1], c = v[2], e = v[4], f = v[5], g = v[6];
        const uint32_t t1 = v[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
                            ((e & f) ^ (~e & g)) + round_words[t] + w[t];
        const uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) +
                            ((a & b) ^ (a & c) ^ (b & c));
        for (int i = 7; i > 0; i--)
            v[i] = v[i - 1];
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        digest->h[i] += v[i];
}

static void digest_byte(struct digest *digest, uint8_t byte)
{
    digest->block[digest->filled++] = byte;
    digest->bytes++;
    if (digest->filled == 64) {
        digest_block(digest);
        digest->filled = 0;
    }
}

void textbook_sha256(int prefix, const uint8_t *bytes, size_t size, uint8_t *hash)
{
    struct digest digest = {.filled = 0};
    memcpy(digest.h, first_words, sizeof digest.h);
    if (prefix >= 0)
        digest_byte(&digest, (uint8_t)prefix);
    for (size_t i = 0; i < size; i++)
        digest_byte(&digest, bytes[i]);
    const uint64_t bits = 8 * digest.bytes;
    digest_byte(&digest, 0x80);
    while (digest.filled != 56)
        digest_byte(&digest, 0);
    for (int shift = 56; shift >= 0; shift -= 8)
        digest_byte(&digest, (uint8_t)(bits >> shift));
    for (int i = 0; i < HASH; i++)
        hash[i] = (uint8_t)(digest.h[i / 4] >> (24 - 8 * (i % 4)));
}

void tree_hash(const struct tree *tree, uint64_t from, uint64_t to, uint8_t *hash)
{
    uint8_t both[2 * HASH];
    const uint64_t size = to - from;
    if (to <= tree->start) {
        int height = 0;
        while ((uint64_t)1 << height < size)
            height++;
        /* Anything else than one of its peaks is not asked of an old tree. */
        if ((uint64_t)1 << height != size || !(tree->start >> height & 1))
            abort();
        memcpy(hash, tree->peaks + HASH * height, HASH);
        return;
    }
    if (size == 1) {
        memcpy(hash, tree->leaves + HASH * (from - tree->start), HASH);
        return;
    }
    uint64_t k = 1;
    while (2 * k < size)
        k *= 2;
    tree_hash(tree, from, from + k, both);
    tree_hash(tree, from + k, to, both + HASH);
    textbook_sha256(0x01, both, sizeof both, hash);
}

static void require_example(const char *message, uint32_t first, uint32_t last)
{
    uint8_t hash[HASH];
    textbook_sha256(-1, (const uint8_t *)message, strlen(message), hash);
    for (int i = 0; i < 4; i++)
        if (hash[i] != (uint8_t)(first >> (24 - 8 * i)) ||
            hash[28 + i] != (uint8_t)(last >> (24 - 8 * i))) {
            puts("the textbook is wrong");
            exit(2);
        }
}

void prepare_textbook(void)
{
    fill_constants();
    require_example("", 0xe3b0c442, 0x7852b855);
    require_example("abc", 0xba7816bf, 0xf20015ad);
    require_example("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                    0x248d6a61, 0x19db06c1);
}
