/* One batch on several threads. */

#ifndef TLOG_PARALLEL_H
#define TLOG_PARALLEL_H

#include <stddef.h>

/* Call work(job, start, end) for parts that make up [0, count), one of them on each
   of up to `threads` threads, and return when all are done.  A part begins at a
   multiple of `least` and has at least as much: a small batch stays on this thread. */
void in_parallel(size_t count, size_t least, unsigned threads,
                 void (*work)(const void *job, size_t start, size_t end),
                 const void *job);

#endif
