/* A body from anywhere: the scanner declines it, or what it gives is the body. */

#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *body, size_t size)
{
    static uint8_t bundle[MAX_BODY];
    size_t bundle_size;
    if (size <= MAX_BODY)
        judge_body(body, size, bundle, &bundle_size, (enum place)(size % PLACES));
    return 0;
}
