/* The scanner by itself: bodies and bundles in buffers of exactly their size, whole,
   and with bytes changed, dropped, doubled and put in.

     check [--short]

   --short: fewer cases, for valgrind.  Exits with 1 at the first wrong answer.  The
   order of the cases is always the same: a failure is found again.

   What must be true of each answer stands in judge.c; that Python reads the same is the
   matter of tests/tlog/entries/test_scanning.py. */

#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 0x9e3779b97f4a7c15u

static uint64_t random_word(void)
{
    static uint64_t word = SEED;
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return word >> 16;
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

static void check_body(const struct text *text, int is_whole)
{
    static struct text bundle, damaged;
    const size_t count =
        judge_body(text->bytes, text->size, bundle.bytes, &bundle.size, next_place());
    require(count > 0 || !is_whole, "the number of entries");
    for (int i = 0; count > 0 && i < 4; i++) {
        damaged = bundle;
        mutate(&damaged);
        judge_rows(damaged.bytes, damaged.size, count, count + bundle.size / 75,
                   2 * (bundle.size / 107), next_place());
    }
}

/* A bundle of one record, cut short at every byte, whose length says just that. */
static void check_cut_records(unsigned records)
{
    static struct text body, bundle;
    for (unsigned i = 0; i < records; i++) {
        make_body(&body, 1);
        require(judge_body(body.bytes, body.size, bundle.bytes, &bundle.size,
                           next_place()) == 1,
                "one entry");
        for (size_t length = 0; length + 2 < bundle.size; length++) {
            bundle.bytes[0] = (uint8_t)(length >> 8);
            bundle.bytes[1] = (uint8_t)length;
            require(judge_rows(bundle.bytes, length + 2, 1, 1 + bundle.size / 75,
                               2 * (bundle.size / 107), next_place()) == 0,
                    "a record that is cut short");
        }
    }
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
    check_cut_records(is_short ? 3 : 60);
    printf("scanner  %lu checks, %lu recognised\n", checks, recognised);
    return 0;
}
