/* Nodes, tiles, and trees that grow. */

#include "check.h"

#define TILE 256
#define MAX_TILES 70
#define MAX_PAIRS 13000

/* The nodes, hashes and peaks of all trees lie in the pool. */
static const uint8_t *const hashes = pool + 7;

static uint64_t least(uint64_t x, uint64_t y)
{
    return x < y ? x : y;
}

void check_pairs(size_t count, unsigned threads, enum place place)
{
    static uint8_t expected[HASH * MAX_PAIRS];
    static size_t known;
    const size_t shift = count % 5;
    for (; known < count + shift; known++)
        textbook_sha256(0x01, pool + NODE * known, NODE, expected + HASH * known);
    for EACH(it) {
        struct room nodes = room_of(pool + NODE * shift, NODE * count, place);
        struct room found = room_for(HASH * count, place);
        tlog_hash_pairs(it->backend, nodes.at, count, threads, found.at);
        leave_room(&nodes);
        expect(it, expected + HASH * shift, &found, "hash_pairs", count, threads);
    }
}

void check_all_pairs(void)
{
    static const size_t larger[] = {255, 256, 257, 1100};
    for (int place = 0; place < PLACES; place++) {
        for (size_t count = 0; count <= 130; count++)
            check_pairs(count, 1, (enum place)place);
        for (size_t i = 0; i < COUNT_OF(larger); i++)
            check_pairs(larger[i], 2, (enum place)place);
    }
}

void check_subtree_roots(size_t tiles, unsigned threads, enum place place)
{
    const struct tree tree = {0, 0, hashes};
    static uint8_t expected[HASH * MAX_TILES];
    static size_t known;
    for (; known < tiles; known++)
        tree_hash(&tree, TILE * known, TILE * (known + 1), expected + HASH * known);
    for EACH(it) {
        struct room inputs = room_of(hashes, HASH * TILE * tiles, place);
        struct room found = room_for(HASH * tiles, place);
        tlog_subtree_roots(it->backend, inputs.at, tiles, threads, found.at);
        leave_room(&inputs);
        expect(it, expected, &found, "subtree_roots", tiles, threads);
    }
}

void check_small_root(size_t count, enum place place)
{
    const struct tree tree = {0, 0, hashes};
    uint8_t root[HASH];
    tree_hash(&tree, 0, count, root);
    for EACH(it) {
        struct room inputs = room_of(hashes, HASH * count, place);
        struct room found = room_for(HASH, place);
        tlog_small_root(it->backend, inputs.at, count, found.at);
        leave_room(&inputs);
        expect(it, root, &found, "small_root", count, 0);
    }
}

void check_tile_levels(size_t count, enum place place)
{
    const struct tree tree = {0, 0, hashes};
    uint8_t above[HASH * TILE];
    size_t written = 0;
    for (int height = 1; count >> height > 0; height++)
        for (size_t i = 0; i < count >> height; i++)
            tree_hash(&tree, i << height, (i + 1) << height, above + HASH * written++);
    for EACH(it) {
        struct room inputs = room_of(hashes, HASH * count, place);
        struct room found = room_for(HASH * written, place);
        tlog_tile_levels(it->backend, inputs.at, count, found.at);
        leave_room(&inputs);
        expect(it, above, &found, "tile_levels", count, written);
    }
}

void check_small_trees(void)
{
    static const size_t tiles[] = {0, 1, 2, 31, 32, 33, MAX_TILES};
    for (size_t i = 0; i < COUNT_OF(tiles); i++)
        for (int place = 0; place < PLACES && !(is_short && i > 3); place++)
            check_subtree_roots(tiles[i], 1 + (unsigned)place % 2, (enum place)place);
    for (size_t count = 1; count <= TILE; count += is_short && count > 40 ? 43 : 1) {
        check_small_root(count, next_place());
        check_tile_levels(count, next_place());
    }
    for (int place = 0; place < PLACES; place++) {
        check_small_root(TILE, (enum place)place);
        check_tile_levels(TILE, (enum place)place);
    }
}

/* All levels above the leaves, as hashing.h has them; returns how many hashes. */
static size_t grow(const struct tree *tree, uint64_t size, uint8_t *above)
{
    size_t written = 0;
    uint64_t below = size;
    for (int height = 1; below > 1; height++) {
        const uint64_t width = (uint64_t)1 << height;
        const uint64_t first = (tree->start >> height) & ~(uint64_t)1;
        for (uint64_t from = first * width; from < size; from += width)
            tree_hash(tree, from, least(from + width, size), above + HASH * written++);
        below = below / 2 + below % 2;
    }
    return written;
}

void check_growth(uint64_t start, size_t leaves, unsigned threads, enum place place)
{
    const struct tree tree = {start, pool, hashes + HASH * 64};
    const uint64_t size = start + leaves;
    const size_t has_left = start & 1;
    uint8_t peaks[HASH * 64];
    size_t peak_count = 0;
    for (int height = 1; height < 64; height++)
        if (start >> height & 1)
            memcpy(peaks + HASH * peak_count++, tree.peaks + HASH * height, HASH);
    uint8_t *lowest = memory(HASH * (leaves + has_left));
    memcpy(lowest, tree.peaks, HASH * has_left);
    memcpy(lowest + HASH * has_left, tree.leaves, HASH * leaves);
    uint8_t *above = memory(HASH * (leaves + 4 * 64));
    const size_t written = grow(&tree, size, above);
    for EACH(it) {
        struct room old = room_of(peaks, HASH * peak_count, place);
        struct room nodes = room_of(lowest, HASH * (leaves + has_left), place);
        struct room found = room_for(HASH * written, place);
        tlog_growth_levels(it->backend, start, size, old.at, nodes.at, threads, found.at);
        leave_room(&old);
        leave_room(&nodes);
        expect(it, above, &found, "growth_levels", start, size);
    }
    free(lowest);
    free(above);
}

void check_growths(void)
{
    static const uint64_t starts[] = {255, 256, 257, 65535, 65536,
                                      ((uint64_t)1 << 40) + 12345,
                                      ((uint64_t)1 << 62) - 1};
    static const size_t growths[] = {1, 2, 3, 300};
    const size_t most = is_short ? 20 : 70;
    for (uint64_t start = 0; start <= most; start++)
        for (size_t leaves = 1; leaves <= most; leaves++)
            check_growth(start, leaves, 1, next_place());
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        for (size_t j = 0; j < COUNT_OF(growths) - (is_short ? 1 : 0); j++)
            for (int place = 0; place < PLACES; place++)
                check_growth(starts[i], growths[j], 2, (enum place)place);
    if (!is_short)
        check_growth(starts[5], 10000, 2, BEFORE_FENCE);
}
