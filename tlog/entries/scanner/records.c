/* The grammar of a record, a function for each of its parts.

   Each takes the place where its part begins and returns where it ends, or NULL if
   something else stands there.  A NULL goes through all of them, so that a sequence of
   parts is checked once, at its end. */

#include "records.h"

#include <string.h>

#define MAX_PREDICATE_TYPE 256
#define MAX_SCHEME 63
#define MAX_AFTER_SCHEME 254
#define SHA256_DIGITS 64

/* What a character may be in a predicateType. */
#define LETTER 1
#define IN_SCHEME 2
#define IN_URI 4

struct scan {
    const uint8_t *end;
    found_digest *found;
    void *whose;
};

static int kind_of(uint8_t byte)
{
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
        return LETTER | IN_SCHEME | IN_URI;
    if ((byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '+')
        return IN_SCHEME | IN_URI;
    /* strchr finds the end of the string too. */
    return byte != 0 && strchr("_~:/?#[]@!$&'()*,;=%", byte) ? IN_URI : 0;
}

static const uint8_t *text(const struct scan *scan, const uint8_t *at, const char *text,
                           size_t size)
{
    if (!at || (size_t)(scan->end - at) < size || memcmp(at, text, size) != 0)
        return NULL;
    return at + size;
}

/* For texts that stand in this file. */
#define TEXT(scan, at, literal) text(scan, at, literal, sizeof literal - 1)

/* Whether `at` goes on with a text: then it moves behind it. */
static int moves(const struct scan *scan, const uint8_t **at, const char *literal,
                 size_t size)
{
    const uint8_t *behind = text(scan, *at, literal, size);
    if (behind)
        *at = behind;
    return behind != NULL;
}

#define MOVES(scan, at, literal) moves(scan, at, literal, sizeof literal - 1)

/* A digest of `size` bytes, and the quote behind it. */
static const uint8_t *digest(const struct scan *scan, const uint8_t *at, size_t size)
{
    const size_t digits = 2 * size;
    unsigned wrong = 0;
    if (!at || (size_t)(scan->end - at) < digits + 1)
        return NULL;
    /* Without a branch, so that compilers look at many digits at once. */
    for (size_t i = 0; i < digits; i++) {
        const uint8_t decimal = (uint8_t)(at[i] - '0'), letter = (uint8_t)(at[i] - 'a');
        wrong |= (unsigned)((decimal > 9) & (letter > 5));
    }
    if (wrong || at[digits] != '"')
        return NULL;
    if (scan->found && !scan->found(scan->whose, at, size))
        return NULL;
    return at + digits + 1;
}

/* The value of provenance or signer, behind its member's name. */
static const uint8_t *one_digest(const struct scan *scan, const uint8_t *at)
{
    return TEXT(scan, digest(scan, at, 32), "},");
}

/* A URI, and the quote behind it. */
static const uint8_t *uri(const struct scan *scan, const uint8_t *start)
{
    const uint8_t *at = start, *colon = NULL;
    if (at == scan->end || !(kind_of(*at) & LETTER))
        return NULL;
    for (; at < scan->end && *at != '"'; at++) {
        if (at - start >= MAX_PREDICATE_TYPE)
            return NULL;
        if (!colon && *at == ':')
            colon = at;
        else if (!(kind_of(*at) & (colon ? IN_URI : IN_SCHEME)))
            return NULL;
    }
    if (at == scan->end || !colon || colon - start > MAX_SCHEME)
        return NULL;
    const ptrdiff_t after = at - colon - 1;
    return after >= 1 && after <= MAX_AFTER_SCHEME ? at + 1 : NULL;
}

/* One subject; `at` stands at its brace. */
static const uint8_t *subject(const struct scan *scan, const uint8_t *at)
{
    at = digest(scan, TEXT(scan, at, "{\"sha256\":\""), 32);
    if (at && MOVES(scan, &at, ",\"sha384\":\""))
        at = digest(scan, at, 48);
    if (at && MOVES(scan, &at, ",\"sha512\":\""))
        at = digest(scan, at, 64);
    return TEXT(scan, at, "}");
}

/* All subjects, which ascend by sha256, and the bracket behind them. */
static const uint8_t *subjects(const struct scan *scan, const uint8_t *at)
{
    const size_t ahead = sizeof "{\"sha256\":\"" - 1;
    const uint8_t *before = NULL;
    for (int count = 0; count < MAX_SUBJECTS; count++) {
        const uint8_t *start = at;
        at = subject(scan, at);
        if (!at)
            return NULL;
        const uint8_t *digits = start + ahead;
        if (before && memcmp(before, digits, SHA256_DIGITS) >= 0)
            return NULL;
        before = digits;
        if (MOVES(scan, &at, "]"))
            return at;
        if (!MOVES(scan, &at, ","))
            return NULL;
    }
    return NULL;
}

const uint8_t *end_of_record(const uint8_t *at, const uint8_t *end, found_digest *found,
                             void *whose)
{
    const struct scan scan = {end, found, whose};
    const uint8_t *start = at;
    at = TEXT(&scan, at, "{\"kind\":\"provenance\",");
    if (at && MOVES(&scan, &at, "\"predicateType\":\""))
        at = TEXT(&scan, uri(&scan, at), ",");
    at = one_digest(&scan, TEXT(&scan, at, "\"provenance\":{\"sha256\":\""));
    if (at && MOVES(&scan, &at, "\"signer\":{\"sha256\":\""))
        at = one_digest(&scan, at);
    at = TEXT(&scan, at, "\"subject\":[");
    if (!at)
        return NULL;
    at = TEXT(&scan, subjects(&scan, at), ",\"version\":1}");
    return at && at - start <= MAX_ENTRY_BYTES ? at : NULL;
}
