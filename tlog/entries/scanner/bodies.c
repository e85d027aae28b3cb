/* A whole request's body, and the bundle that its entries make. */

#include "records.h"
#include "scanner.h"

#include <string.h>

static const char HEAD[] = "{\"entries\":[";
static const char TAIL[] = "]}";

#define HEAD_BYTES (sizeof HEAD - 1)
#define TAIL_BYTES (sizeof TAIL - 1)

size_t tlog_scan_body(const uint8_t *body, size_t size, uint16_t *sizes, size_t room)
{
    if (size < HEAD_BYTES + TAIL_BYTES || memcmp(body, HEAD, HEAD_BYTES) != 0)
        return 0;
    const uint8_t *at = body + HEAD_BYTES;
    const uint8_t *const end = body + size - TAIL_BYTES;
    if (memcmp(end, TAIL, TAIL_BYTES) != 0)
        return 0;
    for (size_t count = 0; count < room; at++) {
        const uint8_t *behind = end_of_record(at, end, NULL, NULL);
        if (!behind)
            return 0;
        sizes[count++] = (uint16_t)(behind - at);
        at = behind;
        if (at == end)
            return count;
        if (*at != ',')
            return 0;
    }
    return 0;
}

int tlog_pack_body(const uint8_t *body, size_t size, const uint16_t *sizes,
                   size_t count, uint8_t *bundle, size_t bundle_size)
{
    if (size < HEAD_BYTES)
        return 0;
    const uint8_t *at = body + HEAD_BYTES;
    size_t left = size - HEAD_BYTES;
    for (size_t i = 0; i < count; i++) {
        const size_t length = sizes[i];
        /* A comma or the tail stands behind each entry. */
        if (left < length + 1 || bundle_size < length + 2)
            return 0;
        bundle[0] = (uint8_t)(length >> 8);
        bundle[1] = (uint8_t)length;
        memcpy(bundle + 2, at, length);
        bundle += length + 2;
        bundle_size -= length + 2;
        at += length + 1;
        left -= length + 1;
    }
    return bundle_size == 0;
}
