/* A bundle from anywhere, as a damaged file would have it.

   The first byte is how many entries it is said to have, the second how little room there
   is for rows and long digests.  Then comes the bundle; or, where the second byte has the
   bit 0x10, entries with a newline behind each, whose sizes are put ahead of them: so that
   an entry which is cut short ends where its buffer ends. */

#include "judge.h"

#define LISTED 0x10

/* Write entries as a bundle; returns its size.  What has no room is left out. */
static size_t bundle_of(const uint8_t *lines, size_t size, uint8_t *bundle)
{
    size_t made = 0;
    for (size_t at = 0, end; at < size; at = end + 1) {
        for (end = at; end < size && lines[end] != '\n'; end++)
            ;
        const size_t length = end - at;
        if (made + 2 + length > MAX_BODY)
            break;
        bundle[made++] = (uint8_t)(length >> 8);
        bundle[made++] = (uint8_t)length;
        for (size_t i = 0; i < length; i++)
            bundle[made++] = lines[at + i];
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t listed[MAX_BODY];
    if (size < 2 || size > MAX_BODY)
        return 0;
    const size_t count = input[0] % (MAX_ENTRIES + 2), less = input[1] % 16;
    const uint8_t *bundle = input + 2;
    size -= 2;
    if (input[1] & LISTED) {
        size = bundle_of(bundle, size, listed);
        bundle = listed;
    }
    const size_t rows = count + size / 75, longs = 2 * (size / 107);
    judge_rows(bundle, size, count, rows > less ? rows - less : 0,
               less % 2 ? longs / 2 : longs, (enum place)(size % PLACES));
    return 0;
}
