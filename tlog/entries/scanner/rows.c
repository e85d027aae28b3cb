/* The rows of the search index: from a bundle, and in order.

     00 || leaf hash   || index
     20 || digest      || index      for each SHA-256 of the entry
     30, 40            || index      for each SHA-384 and SHA-512: finished by the caller

   Source: tlog/log/storage/index.py; client/tlogverify/kinds.py. */

#include "records.h"
#include "scanner.h"

#include <stdlib.h>
#include <string.h>

#define HASH_BYTES 32
#define KEY_BYTES 33
#define INDEX_BYTES 6
#define ROW_BYTES (KEY_BYTES + INDEX_BYTES)
#define LEAF 0x00

struct rows {
    const uint8_t *bundle;
    uint8_t *rows;
    size_t count, room;
    uint64_t *unfinished;
    size_t unfinished_count, unfinished_room;
    uint8_t index[INDEX_BYTES];
};

/* Return a new row whose key begins with `kind`; NULL if there is no room. */
static uint8_t *add_row(struct rows *rows, uint8_t kind)
{
    if (rows->count == rows->room)
        return NULL;
    uint8_t *row = rows->rows + ROW_BYTES * rows->count++;
    row[0] = kind;
    memcpy(row + KEY_BYTES, rows->index, INDEX_BYTES);
    return row;
}

static uint8_t nibble(uint8_t digit)
{
    /* 0 to 9, or a to f: those have the bit 0x40. */
    return (uint8_t)((digit & 15) + 9 * (digit >> 6));
}

static int add_digest(void *whose, const uint8_t *digits, size_t size)
{
    struct rows *rows = whose;
    uint8_t *row = add_row(rows, (uint8_t)size);
    if (!row)
        return 0;
    if (size == HASH_BYTES) {
        for (size_t i = 0; i < HASH_BYTES; i++)
            row[1 + i] =
                (uint8_t)(nibble(digits[2 * i]) << 4 | nibble(digits[2 * i + 1]));
        return 1;
    }
    memset(row + 1, 0, HASH_BYTES);
    if (rows->unfinished_room - rows->unfinished_count < 2)
        return 0;
    rows->unfinished[rows->unfinished_count++] = rows->count - 1;
    rows->unfinished[rows->unfinished_count++] = (uint64_t)(digits - rows->bundle);
    return 1;
}

static void store_index(uint8_t bytes[INDEX_BYTES], uint64_t index)
{
    for (int i = INDEX_BYTES - 1; i >= 0; i--, index >>= 8)
        bytes[i] = (uint8_t)index;
}

size_t tlog_scan_rows(const uint8_t *bundle, size_t size, size_t count,
                      const uint8_t *leaf_hashes, uint64_t start, uint8_t *rows,
                      size_t room, uint64_t *unfinished, size_t unfinished_room,
                      size_t *unfinished_count)
{
    struct rows found = {.bundle = bundle,
                         .rows = rows,
                         .room = room,
                         .unfinished = unfinished,
                         .unfinished_room = unfinished_room};
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (size - at < 2)
            return 0;
        const size_t length = (size_t)bundle[at] << 8 | bundle[at + 1];
        at += 2;
        if (size - at < length)
            return 0;
        store_index(found.index, start + i);
        uint8_t *row = add_row(&found, LEAF);
        if (!row)
            return 0;
        memcpy(row + 1, leaf_hashes + HASH_BYTES * i, HASH_BYTES);
        const uint8_t *const end = bundle + at + length;
        if (end_of_record(bundle + at, end, add_digest, &found) != end)
            return 0;
        at += length;
    }
    *unfinished_count = found.unfinished_count;
    return at == size ? found.count : 0;
}

/* A row's first bytes as a number, and its place. */
struct place {
    uint64_t first;
    const uint8_t *row;
};

static uint64_t load_be64(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word = word << 8 | bytes[i];
    return word;
}

static int is_behind(const struct place *a, const struct place *b)
{
    if (a->first != b->first)
        return a->first > b->first;
    return memcmp(a->row, b->row, ROW_BYTES) > 0;
}

/* Merge [start, middle) and [middle, end), each in order. */
static void merge(const struct place *from, size_t start, size_t middle, size_t end,
                  struct place *to)
{
    size_t left = start, right = middle;
    for (size_t at = start; at < end; at++) {
        const int takes_right =
            right < end && (left == middle || is_behind(&from[left], &from[right]));
        to[at] = takes_right ? from[right++] : from[left++];
    }
}

/* Strangers choose digests: a sort whose worst case is its usual one.
   Returns which of both halves of `places` is in order. */
static struct place *sort(struct place *places, size_t count)
{
    struct place *from = places, *to = places + count;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            const size_t left = count - start;
            const size_t middle = start + (width < left ? width : left);
            const size_t end = start + (2 * width < left ? 2 * width : left);
            merge(from, start, middle, end, to);
        }
        struct place *merged = to;
        to = from;
        from = merged;
    }
    return from;
}

size_t tlog_sort_rows(const uint8_t *rows, size_t count, uint8_t *sorted)
{
    struct place *places =
        count > SIZE_MAX / 2 / sizeof *places ? NULL : malloc(2 * count * sizeof *places);
    if (!places)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + ROW_BYTES * i;
        places[i] = (struct place){load_be64(row), row};
    }
    const struct place *ordered = sort(places, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = ordered[i].row;
        if (kept && memcmp(sorted + ROW_BYTES * (kept - 1), row, ROW_BYTES) == 0)
            continue;
        memcpy(sorted + ROW_BYTES * kept++, row, ROW_BYTES);
    }
    free(places);
    return kept;
}
