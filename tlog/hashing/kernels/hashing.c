/* Levels, tiles, bundles and batches of messages: see hashing.h. */

#include "hashing.h"

#include "messages.h"
#include "parallel.h"

#define TILE_WIDTH 256
#define TILE_BYTES (TILE_WIDTH * HASH_BYTES)

/* The least that is worth a thread of its own: about 0.1 ms. */
#define LEAST_PAIRS 4096
#define LEAST_MESSAGES 1024

/* How many messages are looked at together; their places take 4 KiB of the stack. */
#define CHUNK 256

/* How many tiles are reduced together, so that all lanes are busy to the top. */
#define GROUP 32

static struct tlog_backend backends[] = {
    {"avx512", {{&tlog_avx512x2, 20}, {&tlog_avx512, 10}, {&tlog_shani, 0}}},
    {"avx2", {{&tlog_avx2, 1}, {&tlog_portable, 0}}},
    {"shani", {{&tlog_shani, 0}}},
    {"armv8", {{&tlog_armv8, 0}}},
    {"portable", {{&tlog_portable, 0}}},
};

const struct tlog_backend *tlog_backend(const char *name)
{
    static int is_prepared;
    if (!is_prepared) {
        tlog_fill_second_kw();
        if (!tlog_shani.is_supported())
            backends[0].stages[1] = (struct stage){&tlog_avx512, 1},
            backends[0].stages[2].kernel = &tlog_portable;
        is_prepared = 1;
    }
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(name, backends[i].name) == 0)
            return backends[i].stages[0].kernel->is_supported() ? &backends[i] : 0;
    return 0;
}

/* Hash fewer nodes than there are lanes: the others hash zeros. */
static void hash_padded(const struct tlog_kernel *kernel, const uint8_t *nodes,
                        size_t count, uint8_t *hashes)
{
    uint8_t padded[MAX_LANES * PAIR_BYTES], all[MAX_LANES * HASH_BYTES];
    memcpy(padded, nodes, PAIR_BYTES * count);
    memset(padded + PAIR_BYTES * count, 0, PAIR_BYTES * (kernel->lanes - count));
    kernel->pairs(padded, kernel->lanes, all);
    memcpy(hashes, all, HASH_BYTES * count);
}

static void hash_pairs(const struct tlog_backend *backend, const uint8_t *nodes,
                       size_t count, uint8_t *hashes)
{
    for (const struct stage *stage = backend->stages; count > 0; stage++) {
        const struct tlog_kernel *kernel = stage->kernel;
        const size_t whole = stage->few ? count / kernel->lanes * kernel->lanes : count;
        if (whole > 0)
            kernel->pairs(nodes, whole, hashes);
        nodes += PAIR_BYTES * whole;
        hashes += HASH_BYTES * whole;
        count -= whole;
        if (count > stage->few) {
            hash_padded(kernel, nodes, count, hashes);
            return;
        }
    }
}

struct pairs_job {
    const struct tlog_backend *backend;
    const uint8_t *nodes;
    uint8_t *hashes;
};

static void pairs_part(const void *argument, size_t start, size_t end)
{
    const struct pairs_job *job = argument;
    hash_pairs(job->backend, job->nodes + PAIR_BYTES * start, end - start,
               job->hashes + HASH_BYTES * start);
}

void tlog_hash_pairs(const struct tlog_backend *backend, const uint8_t *nodes,
                     size_t count, unsigned threads, uint8_t *hashes)
{
    const struct pairs_job job = {backend, nodes, hashes};
    in_parallel(count, LEAST_PAIRS, threads, pairs_part, &job);
}

void tlog_hash_message(const struct tlog_backend *backend, const uint8_t *bytes,
                       size_t size, int prefix, uint8_t *hash)
{
    const struct message message = {bytes, size};
    hash_messages(backend, &message, 1, prefix, hash);
}

struct messages_job {
    const struct tlog_backend *backend;
    const uint8_t *joined;
    const uint64_t *sizes;
    int prefix;
    uint8_t *hashes;
};

static void messages_part(const void *argument, size_t start, size_t end)
{
    const struct messages_job *job = argument;
    struct message messages[CHUNK];
    const uint8_t *at = job->joined;
    for (size_t i = 0; i < start; i++)
        at += job->sizes[i];
    while (start < end) {
        const size_t count = end - start < CHUNK ? end - start : CHUNK;
        for (size_t i = 0; i < count; i++) {
            messages[i] = (struct message){at, (size_t)job->sizes[start + i]};
            at += messages[i].size;
        }
        hash_messages(job->backend, messages, count, job->prefix,
                      job->hashes + HASH_BYTES * start);
        start += count;
    }
}

int tlog_hash_messages(const struct tlog_backend *backend, const uint8_t *joined,
                       size_t joined_size, const uint64_t *sizes, size_t count,
                       int prefix, unsigned threads, uint8_t *hashes)
{
    size_t left = joined_size;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] > left)
            return 0;
        left -= (size_t)sizes[i];
    }
    if (left != 0)
        return 0;
    const struct messages_job job = {backend, joined, sizes, prefix, hashes};
    in_parallel(count, LEAST_MESSAGES, threads, messages_part, &job);
    return 1;
}

int tlog_hash_bundle(const struct tlog_backend *backend, const uint8_t *bundle,
                     size_t size, size_t width, uint8_t *hashes)
{
    struct message messages[CHUNK];
    size_t at = 0;
    while (width > 0) {
        const size_t count = width < CHUNK ? width : CHUNK;
        for (size_t i = 0; i < count; i++) {
            if (size - at < 2)
                return 0;
            const size_t length = (size_t)bundle[at] << 8 | bundle[at + 1];
            at += 2;
            if (size - at < length)
                return 0;
            messages[i] = (struct message){bundle + at, length};
            at += length;
        }
        hash_messages(backend, messages, count, 0x00, hashes);
        hashes += HASH_BYTES * count;
        width -= count;
    }
    return at == size;
}

/* Hash `levels` levels above count << levels hashes, the last of them to `out`:
   count << levels is at most GROUP * GROUP. */
static void reduce(const struct tlog_backend *backend, const uint8_t *hashes,
                   size_t count, int levels, uint8_t *out)
{
    uint8_t above[2][GROUP * GROUP * HASH_BYTES / 2];
    for (int level = levels - 1; level >= 0; level--) {
        uint8_t *parents = level == 0 ? out : above[level & 1];
        hash_pairs(backend, hashes, count << level, parents);
        hashes = parents;
    }
}

struct tiles_job {
    const struct tlog_backend *backend;
    const uint8_t *hashes;
    uint8_t *roots;
};

static void tiles_part(const void *argument, size_t start, size_t end)
{
    const struct tiles_job *job = argument;
    uint8_t middle[GROUP * GROUP * HASH_BYTES];
    for (; start + GROUP <= end; start += GROUP) {
        /* Three levels of each tile, in the first-level cache; then five of all. */
        for (size_t i = 0; i < GROUP; i++)
            reduce(job->backend, job->hashes + TILE_BYTES * (start + i), GROUP, 3,
                   middle + HASH_BYTES * GROUP * i);
        reduce(job->backend, middle, GROUP, 5, job->roots + HASH_BYTES * start);
    }
    for (; start < end; start++)
        reduce(job->backend, job->hashes + TILE_BYTES * start, 1, 8,
               job->roots + HASH_BYTES * start);
}

void tlog_subtree_roots(const struct tlog_backend *backend, const uint8_t *hashes,
                        size_t tiles, unsigned threads, uint8_t *roots)
{
    const struct tiles_job job = {backend, hashes, roots};
    in_parallel(tiles, GROUP, threads, tiles_part, &job);
}

void tlog_small_root(const struct tlog_backend *backend, const uint8_t *hashes,
                     size_t count, uint8_t *root)
{
    uint8_t above[2][TILE_BYTES / 2];
    int which = 0;
    while (count > 1) {
        uint8_t *parents = above[which ^= 1];
        hash_pairs(backend, hashes, count / 2, parents);
        if (count % 2)
            memcpy(parents + HASH_BYTES * (count / 2), hashes + HASH_BYTES * (count - 1),
                   HASH_BYTES);
        hashes = parents;
        count = (count + 1) / 2;
    }
    memcpy(root, hashes, HASH_BYTES);
}

void tlog_tile_levels(const struct tlog_backend *backend, const uint8_t *hashes,
                      size_t count, uint8_t *above)
{
    while ((count /= 2) > 0) {
        hash_pairs(backend, hashes, count, above);
        hashes = above;
        above += HASH_BYTES * count;
    }
}

void tlog_growth_levels(const struct tlog_backend *backend, uint64_t start,
                        uint64_t size, const uint8_t *peaks, const uint8_t *nodes,
                        unsigned threads, uint8_t *above)
{
    while (size > 1) {
        const size_t count = (size_t)(size - (start & ~(uint64_t)1));
        const uint8_t *level = above;
        start /= 2;
        size = size / 2 + size % 2;
        if (start & 1) {
            memcpy(above, peaks, HASH_BYTES);
            peaks += HASH_BYTES;
            above += HASH_BYTES;
        }
        tlog_hash_pairs(backend, nodes, count / 2, threads, above);
        above += HASH_BYTES * (count / 2);
        if (count % 2) {
            memcpy(above, nodes + HASH_BYTES * (count - 1), HASH_BYTES);
            above += HASH_BYTES;
        }
        nodes = level;
    }
}
