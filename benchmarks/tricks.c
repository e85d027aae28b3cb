/* One build of the hashing kernels: what it hashes, and how fast.

   tricks BACKEND prints a digest of what it computed, and rates by CPU time, as JSON.
   The digest is XOR of all hashes: builds are compared by it. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hashing.h"

#define NODES 4096
#define TILES 64
#define ENTRY 263

static uint8_t in[NODES * 300], out[NODES * 32], digest[32];
static uint64_t sizes[NODES];
static const struct tlog_backend *backend;

static void nodes(size_t count)
{
    tlog_hash_pairs(backend, in, count, 1, out);
}

static void tiles(size_t count)
{
    tlog_subtree_roots(backend, in, count, 1, out);
}

static void leaves(size_t count)
{
    tlog_hash_messages(backend, in, count * ENTRY, sizes, count, 0, 1, out);
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The best of seven rounds of about 20 ms each. */
static void measure(const char *name, void (*work)(size_t), size_t count, size_t each,
                    size_t hashes)
{
    double best = 0;
    work(count);
    for (size_t i = 0; i < hashes * 32; i++)
        digest[i % 32] ^= out[i];
    for (int round = 0; round < 7; round++) {
        const double begun = cpu_s();
        double used = 0;
        size_t calls = 0;
        while (used < 0.02) {
            for (size_t i = 0; i < 1 + 400 / count; i++, calls++)
                work(count);
            used = cpu_s() - begun;
        }
        const double rate = (double)(calls * each) / used;
        best = rate > best ? rate : best;
    }
    printf("\"%s\": %.0f, ", name, best);
}

int main(int count, char **arguments)
{
    backend = count == 2 ? tlog_backend(arguments[1]) : 0;
    if (!backend)
        return 2;
    uint32_t word = 1;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)((word = word * 1664525 + 1013904223) >> 24);
    for (size_t i = 0; i < NODES; i++)
        sizes[i] = ENTRY;
    printf("{");
    measure("node", nodes, 1, 1, 1);
    measure("two nodes", nodes, 2, 2, 2);
    measure("8 nodes", nodes, 8, 8, 8);
    measure("nodes", nodes, NODES, NODES, NODES);
    measure("one tile", tiles, 1, 255, 1);
    measure("64 tiles", tiles, TILES, TILES * 255, TILES);
    measure("leaves", leaves, NODES, NODES, NODES);
    printf("\"digest\": \"");
    for (int i = 0; i < 32; i++)
        printf("%02x", digest[i]);
    printf("\"}\n");
    return 0;
}
