/* What must be true of whatever the scanner answers: see judge.h. */

#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scanner.h"

#define HASH 32
#define ROW 39

static const char HEAD[] = "{\"entries\":[";
static const char TAIL[] = "]}";

unsigned long checks, recognised;

void require(int is_right, const char *what)
{
    checks++;
    if (is_right)
        return;
    printf("%s is wrong, after %lu checks\n", what, checks);
    exit(1);
}

static void judge_order(const uint8_t *rows, size_t count, enum place place)
{
    struct room sorted = room_for(ROW * count, place);
    const size_t kept = tlog_sort_rows(rows, count, sorted.at);
    require(kept > 0 && kept <= count, "the number of rows in order");
    for (size_t i = 1; i < kept; i++)
        require(memcmp(sorted.at + ROW * (i - 1), sorted.at + ROW * i, ROW) < 0,
                "the order of the rows");
    leave_room(&sorted);
}

size_t judge_rows(const uint8_t *bundle, size_t size, size_t count, size_t rows_room,
                  size_t longs_room, enum place place)
{
    uint8_t hashes[HASH * (MAX_ENTRIES + 1)];
    for (size_t i = 0; i < HASH * count; i++)
        hashes[i] = (uint8_t)(i * 167 ^ i >> 5);
    struct room in = room_of(bundle, size, place);
    struct room leaves = room_of(hashes, HASH * count, place);
    struct room rows = room_for(ROW * rows_room, place);
    uint64_t *longs = malloc(8 * longs_room + 8);
    if (!longs)
        abort();
    size_t longs_count = 0;
    const size_t found = tlog_scan_rows(in.at, size, count, leaves.at, 7, rows.at,
                                        rows_room, longs, longs_room, &longs_count);
    require(found <= rows_room, "the number of rows");
    require(!found || longs_count <= longs_room, "the number of long digests");
    for (size_t i = 0; found && i < longs_count; i += 2) {
        require(longs[i] < found, "the row of a long digest");
        const size_t digits = 2 * (size_t)rows.at[ROW * longs[i]];
        require(longs[i + 1] + digits < size, "the place of a long digest");
    }
    if (found)
        judge_order(rows.at, found, place);
    free(longs);
    leave_room(&in);
    leave_room(&leaves);
    leave_room(&rows);
    return found;
}

static void judge_bundle(const uint8_t *bundle, size_t size, size_t count,
                         enum place place)
{
    const size_t room = count + size / 75, longs = 2 * (size / 107);
    const size_t found = judge_rows(bundle, size, count, room, longs, place);
    require(found > count, "the rows of what was recognised");
    require(judge_rows(bundle, size, count, found, longs, place) == found,
            "all the room");
    require(judge_rows(bundle, size, count, found - 1, longs, place) == 0,
            "too little room");
    require(judge_rows(bundle, size, count + 1, room, longs, place) == 0,
            "an entry more");
    require(judge_rows(bundle, size, count - 1, room, longs, place) == 0,
            "an entry fewer");
    judge_rows(bundle, size, count, room, 0, place);
}

/* What came of a body is put together again. */
static void judge_packed(const uint8_t *body, size_t body_size, const uint8_t *bundle,
                         size_t size, size_t count)
{
    static uint8_t again[MAX_BODY];
    size_t at = 0, made = sizeof HEAD - 1;
    memcpy(again, HEAD, made);
    for (size_t i = 0; i < count; i++) {
        const size_t length = (size_t)bundle[at] << 8 | bundle[at + 1];
        require(made + length + sizeof TAIL <= MAX_BODY + 1, "the size of an entry");
        if (i)
            again[made++] = ',';
        memcpy(again + made, bundle + at + 2, length);
        made += length;
        at += 2 + length;
    }
    memcpy(again + made, TAIL, sizeof TAIL - 1);
    made += sizeof TAIL - 1;
    require(at == size && made == body_size && memcmp(again, body, made) == 0,
            "a body put together again");
}

size_t judge_body(const uint8_t *body, size_t size, uint8_t *bundle, size_t *bundle_size,
                  enum place place)
{
    struct room in = room_of(body, size, place);
    uint16_t sizes[MAX_ENTRIES];
    const size_t count = tlog_scan_body(in.at, size, sizes, MAX_ENTRIES);
    require(count <= MAX_ENTRIES, "the number of entries");
    if (count > 0) {
        recognised++;
        require(tlog_scan_body(in.at, size, sizes, count - 1) == 0, "no room");
        tlog_scan_body(in.at, size, sizes, count);
        *bundle_size = size - 13 + count;
        struct room packed = room_for(*bundle_size, place);
        require(tlog_pack_body(in.at, size, sizes, count, packed.at, *bundle_size),
                "the size of a bundle");
        judge_packed(body, size, packed.at, *bundle_size, count);
        memcpy(bundle, packed.at, *bundle_size);
        leave_room(&packed);
        judge_bundle(bundle, *bundle_size, count, place);
        for (size_t wrong = *bundle_size - 1; wrong <= *bundle_size + 1; wrong += 2) {
            struct room other = room_for(wrong, place);
            require(!tlog_pack_body(in.at, size, sizes, count, other.at, wrong),
                    "a bundle of another size");
            leave_room(&other);
        }
    }
    leave_room(&in);
    return count;
}
