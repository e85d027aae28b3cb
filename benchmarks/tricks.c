/* One build of the hashing kernels: whether it is right, and how fast.

     tricks BACKEND...   {"avx512": {"1 node": rate, ...}, "armv8": null, "digest": "..."}

   Rates are nodes or leaves for a second of CPU time, on one thread; null: the processor
   lacks the backend.  Everything is first compared with the portable backend of the
   same build; the digest of what that one made is compared between builds. */

#define _POSIX_C_SOURCE 199309L /* clock_gettime, which C11 lacks */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hashing.h"

#define HASH 32
#define PEAK 4096
#define TILE 256
#define TILES 64
#define ENTRY 263
#define REPEATS 5
#define REPEAT_S 0.006

static uint8_t input[PEAK * ENTRY], hashes[PEAK * HASH], expected[PEAK * HASH];
static uint64_t sizes[PEAK];

static void nodes(const struct tlog_backend *backend, size_t count, uint8_t *out)
{
    tlog_hash_pairs(backend, input, count, 1, out);
}

static void tiles(const struct tlog_backend *backend, size_t count, uint8_t *out)
{
    tlog_subtree_roots(backend, input, count, 1, out);
}

static void leaves(const struct tlog_backend *backend, size_t count, uint8_t *out)
{
    if (!tlog_hash_messages(backend, input, ENTRY * count, sizes, count, 0, 1, out))
        abort();
}

/* A figure: what is hashed in one call, and how many units its rate counts in it. */
static const struct figure {
    const char *name;
    void (*hash)(const struct tlog_backend *backend, size_t count, uint8_t *out);
    size_t count, units;
} figures[] = {
    {"1 node", nodes, 1, 1},           {"2 nodes", nodes, 2, 2},
    {"8 nodes", nodes, 8, 8},          {"12 nodes", nodes, 12, 12},
    {"255 nodes", nodes, 255, 255},    {"4,096 nodes", nodes, PEAK, PEAK},
    {"1 tile", tiles, 1, TILE - 1},    {"64 tiles", tiles, TILES, (TILE - 1) * TILES},
    {"4,096 leaves", leaves, PEAK, PEAK},
};

#define FIGURES (sizeof figures / sizeof *figures)

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The best of several short repeats: what disturbs one makes it slower, never faster. */
static double units_per_s(const struct tlog_backend *backend, const struct figure *it)
{
    const size_t at_once = 1 + 1000 / it->units;
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        const double begun = cpu_s();
        double used;
        size_t calls = 0;
        do {
            for (size_t j = 0; j < at_once; j++)
                it->hash(backend, it->count, hashes);
            calls += at_once;
            used = cpu_s() - begun;
        } while (used < REPEAT_S);
        const double rate = (double)(calls * it->units) / used;
        best = rate > best ? rate : best;
    }
    return best;
}

/* FNV-1a, which owes nothing to the kernels. */
static uint64_t digest_of(uint64_t digest, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ bytes[i]) * 0x100000001b3u;
    return digest;
}

/* Compare one figure's hashes with the portable backend's; return the new digest. */
static uint64_t check(const struct tlog_backend *backend, const struct figure *it,
                      uint64_t digest)
{
    const size_t size = HASH * it->count;
    memset(hashes, 0, sizeof hashes);
    it->hash(tlog_backend("portable"), it->count, expected);
    it->hash(backend, it->count, hashes);
    if (memcmp(hashes, expected, size) != 0) {
        fprintf(stderr, "%s: other hashes than the portable backend's\n", it->name);
        exit(1);
    }
    return digest_of(digest, expected, size);
}

int main(int count, char **names)
{
    uint64_t digest = 0xcbf29ce484222325u;
    uint32_t word = 1;
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)((word = word * 1664525u + 1013904223u) >> 24);
    for (size_t i = 0; i < PEAK; i++)
        sizes[i] = ENTRY;
    for (size_t i = 0; i < FIGURES; i++)
        digest = check(tlog_backend("portable"), &figures[i], digest);
    printf("{\"digest\": \"%016" PRIx64 "\"", digest);
    for (int n = 1; n < count; n++) {
        const struct tlog_backend *backend = tlog_backend(names[n]);
        printf(", \"%s\": %s", names[n], backend ? "" : "null");
        for (size_t i = 0; backend && i < FIGURES; i++) {
            check(backend, &figures[i], 0);
            printf("%s\"%s\": %.0f", i ? ", " : "{", figures[i].name,
                   units_per_s(backend, &figures[i]));
        }
        printf("%s", backend ? "}" : "");
    }
    printf("}\n");
    return 0;
}
