/* One batch on several threads, which live as long as the batch does: none is left
   over for a fork to lose. */

#include "parallel.h"

#include <pthread.h>

#define MAX_THREADS 64

struct part {
    void (*work)(const void *job, size_t start, size_t end);
    const void *job;
    size_t start, end;
};

static void *run_part(void *argument)
{
    const struct part *part = argument;
    part->work(part->job, part->start, part->end);
    return 0;
}

void in_parallel(size_t count, size_t least, unsigned threads,
                 void (*work)(const void *job, size_t start, size_t end),
                 const void *job)
{
    struct part parts[MAX_THREADS];
    pthread_t ids[MAX_THREADS];
    size_t wanted = count / least;
    if (wanted > threads)
        wanted = threads;
    if (wanted > MAX_THREADS)
        wanted = MAX_THREADS;
    if (wanted < 2) {
        work(job, 0, count);
        return;
    }
    const size_t each = count / wanted / least * least;
    size_t started = 0;
    for (size_t i = 0; i < wanted; i++)
        parts[i] = (struct part){work, job, i * each,
                                 i + 1 < wanted ? (i + 1) * each : count};
    while (started < wanted - 1 &&
           pthread_create(&ids[started], 0, run_part, &parts[started]) == 0)
        started++;
    /* The last part, and those that no thread could be had for. */
    for (size_t i = started; i < wanted; i++)
        run_part(&parts[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], 0);
}
