/* The undo file of one watched file: what its content was before each unsynced write.
 *
 * Guarantees: a record is whole in the file before track_save returns; a header never voids
 * more than a completed sync covers, also when the process is killed between two steps.
 * Positions in `mark` never go back, though the file is emptied at nearly every sync.
 * After a failed sync with records pending none of them, and none after them, is ever voided:
 * the kernel drops such pages and lets the next sync succeed.
 * Does not: lock (track.c does), or fold overlapping records.
 */
#define _GNU_SOURCE
#include "state.h"
#include <sys/syscall.h>

#define HEADER_BYTES sizeof(struct undo_header)

static char chunk[CHUNK_BYTES]; /* guarded by the lock */

static void put(struct tracked *t, const void *from, uint64_t n, uint64_t at) {
    for (uint64_t done = 0; done < n;) {
        long r = syscall(SYS_pwrite64, t->undo_fd, (const char *)from + done, n - done, at + done);
        if (r <= 0) die("write an undo file: %s", r ? strerror(errno) : "no room");
        done += (uint64_t)r;
    }
}

static void cut(struct tracked *t, uint64_t size) {
    if (syscall(SYS_ftruncate, t->undo_fd, size) != 0) die("cut an undo file: %s", strerror(errno));
}

static void write_header(struct tracked *t, uint64_t cleared) {
    struct undo_header h = {UNDO_MAGIC, cleared, (uint64_t)t->lost};
    put(t, &h, sizeof h, 0);
    t->cleared = cleared;
}

/* Empties the file. Killed between two steps, `cleared` lies at or past its end. */
static void reset(struct tracked *t) {
    write_header(t, t->end);
    cut(t, HEADER_BYTES);
    write_header(t, HEADER_BYTES);
    t->base += t->end - HEADER_BYTES;
    t->end = HEADER_BYTES;
}

static void shut(struct tracked *t) {
    close(t->undo_fd);
    close(t->data_fd);
    t->undo_fd = t->data_fd = -1;
}

void undo_open(struct tracked *t) {
    char name[32];
    struct stat st;
    struct undo_header h;
    struct undo_record r;
    snprintf(name, sizeof name, "%llu", (unsigned long long)t->ino);
    t->undo_fd = openat(undo_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    t->data_fd = openat(inodes_fd, name, O_RDONLY | O_CLOEXEC);
    if (t->undo_fd < 0 || t->data_fd < 0 || fstat(t->undo_fd, &st) != 0)
        die("open the log of inode %s: %s", name, strerror(errno));
    uint64_t size = (uint64_t)st.st_size;
    t->end = HEADER_BYTES;
    if (pread(t->undo_fd, &h, sizeof h, 0) != (ssize_t)sizeof h) {
        write_header(t, HEADER_BYTES);
        return;
    }
    if (h.magic != UNDO_MAGIC) die("the undo file of inode %s is damaged", name);
    t->lost = h.lost != 0;
    t->cleared = h.cleared;
    while (record_read(t->undo_fd, t->end, size, &r)) t->end += record_bytes(&r);
    if (t->end < size) cut(t, t->end);
    if (t->cleared >= t->end) reset(t);
}

void undo_resume(struct tracked *t) {
    undo_open(t);
    if (t->end == HEADER_BYTES) shut(t);
}

static void append(struct tracked *t, const struct undo_record *r, const char *data) {
    put(t, r, sizeof *r, t->end);
    if (!r->zero) put(t, data, r->len, t->end + sizeof *r);
    t->end += record_bytes(r);
}

void undo_save_empty(struct tracked *t) {
    struct undo_record r = {.magic = RECORD_MAGIC};
    undo_open(t);
    append(t, &r, NULL);
}

void track_save(struct tracked *t, const struct stat *st, uint64_t off, uint64_t len) {
    uint64_t old_len = (uint64_t)st->st_size;
    struct undo_record r = {.magic = RECORD_MAGIC, .old_len = old_len, .off = off};
    int keep = errno;
    if (len == 0) return;
    if (t->undo_fd < 0) undo_open(t);
    uint64_t end = len > UINT64_MAX - off ? UINT64_MAX : off + len;
    if (end > old_len) end = old_len;
    if (off >= end) append(t, &r, NULL);
    while (off < end) {
        uint64_t want = end - off < CHUNK_BYTES ? end - off : CHUNK_BYTES;
        ssize_t n = pread(t->data_fd, chunk, want, (off_t)off);
        if (n <= 0) die("read old content: %s", n ? strerror(errno) : "the file shrank");
        r.off = off;
        r.len = (uint64_t)n;
        r.zero = chunk[0] == 0 && memcmp(chunk, chunk + 1, (size_t)n - 1) == 0;
        append(t, &r, chunk);
        off += (uint64_t)n;
    }
    errno = keep;
}

uint64_t undo_mark(const struct tracked *t) {
    return t->base + t->end;
}

void undo_sync_end(struct tracked *t, uint64_t mark, int ok) {
    if (t->undo_fd < 0 || t->lost) return;
    if (!ok) {
        t->lost = t->end > t->cleared;
        write_header(t, t->cleared);
    } else if (mark == undo_mark(t)) {
        reset(t);
        shut(t);
    } else if (mark > t->base && mark - t->base > t->cleared) {
        write_header(t, mark - t->base);
    }
}
