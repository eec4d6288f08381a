/* Bookkeeping of the fault library: which file a descriptor means, what would have to be put
 * back, and what a sync made durable. See track.c for the guarantees. */
#ifndef MERCATO_FAULT_TRACK_H
#define MERCATO_FAULT_TRACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Not for the program under test: its own symbols of these names stay its own. */
#pragma GCC visibility push(hidden)

struct tracked;

/* What is to come of a sync: lies returns success and does nothing. */
enum sync_order { SYNC_DONE, SYNC_FAILS, SYNC_LIES };

/* What the end of a sync must know of its beginning. */
struct sync_ticket {
    int kind;          /* 0: not ours, 1: a file, 2: a directory */
    struct tracked *t; /* the file, when it has pending records */
    uint64_t mark;     /* records below it were written out before the sync began */
    char *listing;     /* the directory's names as they were before the sync began */
    size_t listing_len;
    char key[64];
    unsigned delay_us;  /* how long the sync is to wait before it is done */
};

/* Reads the environment and takes or resumes the log. Ends the process if it cannot. */
void track_init(void);

/* The watched regular file behind fd, with the lock held until track_unlock; else NULL and no
 * lock. *st is its state. Keeps errno. */
struct tracked *track_lock(int fd, struct stat *st);
void track_unlock(void);

/* Writes down what [off, off+len) and the length of the file are now, before they change. */
void track_save(struct tracked *t, const struct stat *st, uint64_t off, uint64_t len);

/* Before a sync: fills the ticket, and says what is to come of it. */
enum sync_order track_sync_begin(int fd, struct sync_ticket *k);

/* After a sync: believes it (ok) or marks what was pending as lost. */
void track_sync_end(struct sync_ticket *k, int ok);

/* Says something once on stderr, by a bit of its own. */
void track_report(unsigned bit, const char *text);

#pragma GCC visibility pop

#endif
