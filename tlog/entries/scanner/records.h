/* One record in canonical form. */

#ifndef TLOG_RECORDS_H
#define TLOG_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define MAX_ENTRY_BYTES 65535
#define MAX_SUBJECTS 256

/* Is told of each digest of a record, in its order.  digits: in lower-case
   hexadecimal.  size: of the digest, in bytes: 32, 48 or 64.  Returns whether to go
   on. */
typedef int found_digest(void *whose, const uint8_t *digits, size_t size);

/* Return the end of the record that starts at `at`; NULL if there is none, if its values
   break a rule, or if `found` did not go on.  found: may be NULL.  It may be told of
   digests of a record that is declined afterwards. */
const uint8_t *end_of_record(const uint8_t *at, const uint8_t *end, found_digest *found,
                             void *whose);

#endif
