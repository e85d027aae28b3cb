/* The scanner by itself: bodies and bundles in buffers of exactly their size, whole,
   and with bytes changed, dropped, doubled and put in.

     check [--short]

   --short: fewer cases, for valgrind.  Exits with 1 at the first wrong answer.  The
   order of the cases is always the same: a failure is found again.

   What is recognised is put together again from what came out, and must be the input;
   that Python reads the same is the matter of tests/tlog/entries/test_scanning.py. */

#include "rooms.h"
#include "scanner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 0x9e3779b97f4a7c15u
#define HASH 32
#define ROW 39
#define MAX_BODY 60000
#define MAX_ENTRIES 64

static unsigned long checks, recognised;

static uint64_t random_word(void)
{
    static uint64_t word = SEED;
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return word >> 16;
}

static void require(int is_right, const char *what)
{
    checks++;
    if (is_right)
        return;
    printf("%s is wrong, after %lu checks\n", what, checks);
    exit(1);
}

static enum place next_place(void)
{
    static unsigned turn;
    return (enum place)(turn++ % PLACES);
}

/* Text that grows; what has no room is left out. */
struct text {
    uint8_t bytes[MAX_BODY];
    size_t size;
};

static void append(struct text *text, const char *more)
{
    const size_t size = strlen(more);
    if (text->size + size > MAX_BODY)
        return;
    memcpy(text->bytes + text->size, more, size);
    text->size += size;
}

static void append_digits(struct text *text, size_t digits, unsigned first)
{
    char found[129] = {0};
    for (size_t i = 0; i < digits; i++)
        found[i] = "0123456789abcdef"[random_word() & 15];
    found[0] = "0123456789abcdef"[first & 15];
    append(text, found);
}

static void append_subject(struct text *text, unsigned first)
{
    append(text, "{\"sha256\":\"");
    append_digits(text, 64, first);
    if (random_word() % 3 == 0) {
        append(text, "\",\"sha384\":\"");
        append_digits(text, 96, 0);
    }
    if (random_word() % 3 == 0) {
        append(text, "\",\"sha512\":\"");
        append_digits(text, 128, 0);
    }
    append(text, "\"}");
}

static void append_record(struct text *text)
{
    const unsigned subjects = 1 + (unsigned)(random_word() % 4);
    append(text, "{\"kind\":\"provenance\",");
    if (random_word() % 2)
        append(text, "\"predicateType\":\"https://slsa.dev/provenance/v1\",");
    append(text, "\"provenance\":{\"sha256\":\"");
    append_digits(text, 64, 0);
    if (random_word() % 3 == 0) {
        append(text, "\"},\"signer\":{\"sha256\":\"");
        append_digits(text, 64, 0);
    }
    append(text, "\"},\"subject\":[");
    for (unsigned i = 0; i < subjects; i++) {
        append(text, i ? "," : "");
        append_subject(text, i);
    }
    append(text, "],\"version\":1}");
}

static void make_body(struct text *text, size_t entries)
{
    text->size = 0;
    append(text, "{\"entries\":[");
    for (size_t i = 0; i < entries; i++) {
        append(text, i ? "," : "");
        append_record(text);
    }
    append(text, "]}");
}

/* Change, drop, double or put in a few bytes, most of them near each other. */
static void mutate(struct text *text)
{
    static const uint8_t likely[] = "\"{}[],: \\09afAFg\n\x00\xff";
    for (uint64_t left = 1 + random_word() % 3; left > 0 && text->size > 0; left--) {
        const size_t at = random_word() % text->size;
        const size_t rest = text->size - at;
        size_t length = 1 + random_word() % 80;
        length = length < rest ? length : rest;
        switch (random_word() % 5) {
        case 0:
            text->bytes[at] = likely[random_word() % (sizeof likely - 1)];
            break;
        case 1:
            text->bytes[at] ^= (uint8_t)(1u << random_word() % 8);
            break;
        case 2:
            memmove(text->bytes + at, text->bytes + at + length, rest - length);
            text->size -= length;
            break;
        case 3:
            if (text->size + length > MAX_BODY)
                break;
            memmove(text->bytes + at + length, text->bytes + at, rest);
            text->size += length;
            break;
        default:
            text->size = at;
        }
    }
}

/* The rows of a bundle, with as little room for them as may be said. */
static size_t check_rows(const uint8_t *bundle, size_t size, size_t count,
                         size_t rows_room, size_t longs_room)
{
    uint8_t hashes[HASH * MAX_ENTRIES] = {0};
    for (size_t i = 0; i < HASH * count; i++)
        hashes[i] = (uint8_t)random_word();
    const enum place place = next_place();
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
    for (size_t i = 0; found && i < longs_count; i += 2) {
        require(longs[i] < found, "the row of a long digest");
        const size_t digits = 2 * (size_t)rows.at[ROW * longs[i]];
        require(longs[i + 1] + digits < size, "the place of a long digest");
    }
    if (found) {
        struct room sorted = room_for(ROW * found, place);
        const size_t kept = tlog_sort_rows(rows.at, found, sorted.at);
        require(kept > 0 && kept <= found, "the number of rows in order");
        for (size_t i = 1; i < kept; i++)
            require(memcmp(sorted.at + ROW * (i - 1), sorted.at + ROW * i, ROW) < 0,
                    "the order of the rows");
        leave_room(&sorted);
    }
    free(longs);
    leave_room(&in);
    leave_room(&leaves);
    leave_room(&rows);
    return found;
}

static void check_bundle(const uint8_t *bundle, size_t size, size_t count)
{
    const size_t room = count + size / 75, longs = 2 * (size / 107);
    const size_t found = check_rows(bundle, size, count, room, longs);
    require(found > count, "the rows of what was recognised");
    require(check_rows(bundle, size, count, found, longs) == found, "all the room");
    require(check_rows(bundle, size, count, found - 1, longs) == 0, "too little room");
    require(check_rows(bundle, size, count + 1, room, longs) == 0, "an entry more");
    require(check_rows(bundle, size, count - 1, room, longs) == 0, "an entry fewer");
    check_rows(bundle, size, count, room, 0);
    static struct text damaged;
    for (int i = 0; i < 4; i++) {
        memcpy(damaged.bytes, bundle, size);
        damaged.size = size;
        mutate(&damaged);
        check_rows(damaged.bytes, damaged.size, count, room, longs);
    }
}

/* What came of a body is put together again. */
static void check_packed(const struct text *text, const uint8_t *bundle, size_t size,
                         size_t count)
{
    static struct text again;
    again.size = 0;
    append(&again, "{\"entries\":[");
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t length = (size_t)bundle[at] << 8 | bundle[at + 1];
        append(&again, i ? "," : "");
        memcpy(again.bytes + again.size, bundle + at + 2, length);
        again.size += length;
        at += 2 + length;
    }
    append(&again, "]}");
    require(at == size && again.size == text->size &&
                memcmp(again.bytes, text->bytes, text->size) == 0,
            "a body put together again");
}

static void check_body(const struct text *text, int is_whole)
{
    const enum place place = next_place();
    struct room body = room_of(text->bytes, text->size, place);
    uint16_t sizes[MAX_ENTRIES];
    const size_t count = tlog_scan_body(body.at, text->size, sizes, MAX_ENTRIES);
    require(count <= MAX_ENTRIES && (count > 0 || !is_whole), "the number of entries");
    if (count > 0) {
        recognised++;
        require(tlog_scan_body(body.at, text->size, sizes, count - 1) == 0, "no room");
        tlog_scan_body(body.at, text->size, sizes, count);
        const size_t size = text->size - 13 + count;
        struct room bundle = room_for(size, place);
        require(tlog_pack_body(body.at, text->size, sizes, count, bundle.at, size),
                "the size of a bundle");
        check_packed(text, bundle.at, size, count);
        check_bundle(bundle.at, size, count);
        leave_room(&bundle);
        for (size_t wrong = size - 1; wrong <= size + 1; wrong += 2) {
            struct room other = room_for(wrong, place);
            require(!tlog_pack_body(body.at, text->size, sizes, count, other.at, wrong),
                    "a bundle of another size");
            leave_room(&other);
        }
    }
    leave_room(&body);
}

int main(int count, char **arguments)
{
    const int is_short = count > 1 && strcmp(arguments[1], "--short") == 0;
    static struct text text, damaged;
    for (size_t bodies = 0; bodies < (is_short ? 20u : 2000u); bodies++) {
        make_body(&text, 1 + bodies % 12);
        check_body(&text, 1);
        for (int i = 0; i < (is_short ? 20 : 100); i++) {
            damaged = text;
            mutate(&damaged);
            check_body(&damaged, 0);
        }
    }
    make_body(&text, 2);
    for (damaged = text; damaged.size > 0; damaged.size--)
        check_body(&damaged, damaged.size == text.size);
    check_body(&damaged, 0);
    printf("scanner  %lu checks, %lu recognised\n", checks, recognised);
    return 0;
}
