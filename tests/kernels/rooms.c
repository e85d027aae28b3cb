#define _DEFAULT_SOURCE

#include "rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a result is before it is written. */
#define UNTOUCHED 0xee

static struct room open_room(size_t size, enum place place)
{
    struct room room = {.size = size};
    if (place < BEHIND_FENCE) {
        room.whole = malloc(size + place);
        if (!room.whole)
            abort();
        room.at = room.whole + place;
        return room;
    }
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inside = (size + page - 1) / page * page;
    room.mapped = inside + 2 * page;
    room.whole = mmap(0, room.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room.whole == MAP_FAILED)
        abort();
    if (inside && mprotect(room.whole + page, inside, PROT_READ | PROT_WRITE))
        abort();
    room.at = room.whole + page + (place == BEFORE_FENCE ? inside - size : 0);
    return room;
}

struct room room_of(const void *content, size_t size, enum place place)
{
    struct room room = open_room(size, place);
    room.content = content;
    memcpy(room.at, content, size);
    return room;
}

struct room room_for(size_t size, enum place place)
{
    struct room room = open_room(size, place);
    memset(room.at, UNTOUCHED, size);
    return room;
}

int is_untouched(const struct room *room)
{
    for (size_t i = 0; i < room->size; i++)
        if (room->at[i] != UNTOUCHED)
            return 0;
    return 1;
}

void leave_room(struct room *room)
{
    if (room->content && memcmp(room->at, room->content, room->size)) {
        puts("an input was written to");
        exit(1);
    }
    if (room->mapped)
        munmap(room->whole, room->mapped);
    else
        free(room->whole);
}
