/* A bundle from anywhere, as a damaged file would have it.

   The first byte is how many entries it is said to have, the second how little room there
   is for rows and long digests, then comes the bundle. */

#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size < 2 || size > MAX_BODY)
        return 0;
    const size_t count = input[0] % (MAX_ENTRIES + 2), less = input[1] % 16;
    const uint8_t *bundle = input + 2;
    size -= 2;
    const size_t rows = count + size / 75, longs = 2 * (size / 107);
    judge_rows(bundle, size, count, rows > less ? rows - less : 0,
               less % 2 ? longs / 2 : longs, (enum place)(size % PLACES));
    return 0;
}
