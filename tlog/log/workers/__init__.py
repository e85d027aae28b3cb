"""One log on several cores of one machine: front ends, and the one that writes.

    together     what they have together, made before they are forked
    board        memory that all of them see: where the log stands
    leading      questions to the one that writes, over its Unix socket
    faces        heads, tiles and index of a log, as a front end sees them
    counting     what front ends count, fetched by the one that writes
    supervising  the parent: it starts them, starts them again, and ends them

Nothing here is loaded by a log of one process.
"""
