/* What the fault library writes down and the powercut tool reads.
 *
 * The log is a directory of its own, on the same file system as the watched one:
 *
 *   root          text: the watched directory; written last, so a log without it is void
 *   lock          held by the one process that writes under the watched directory
 *   inodes/INO    a hard link to every file ever seen: it keeps a file that was unlinked or
 *                 replaced, and its inode number cannot be given to another file meanwhile
 *   undo/INO      how to put the content of that file back (struct undo_header, then records)
 *   dirs/KEY      the names that the directory's last completed sync made durable
 *   lost/KEY      empty; a sync of this directory failed, so no later one is believed
 *
 * KEY is inode number and time of birth, as a directory cannot be pinned by a link and its
 * number can be given to another. A listing is text, one NUL-ended entry a name:
 * "f INO NAME" for anything that is not a directory, "d KEY MODE NAME" (MODE octal).
 *
 * Every file here is written so that a SIGKILL between any two system calls leaves it whole
 * or with a tail that its reader drops.
 */
#ifndef MERCATO_FAULT_FORMAT_H
#define MERCATO_FAULT_FORMAT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNDO_MAGIC 0x31304f444e554dull /* "MUNDO01", little end first */
#define RECORD_MAGIC 0x4f444e55u
#define KEY_BYTES 64
/* One record holds at most this many bytes of old content; longer ranges take several. */
#define CHUNK_BYTES (1u << 20)

struct undo_header {
    uint64_t magic;
    uint64_t cleared; /* records that begin below this offset of the undo file are void */
    uint64_t lost;    /* 1: a sync failed with records pending; they are never cleared */
};

struct undo_record {
    uint32_t magic;
    uint32_t zero;    /* 1: the old bytes were all zero and do not follow */
    uint64_t old_len; /* length of the file before the write */
    uint64_t off;     /* where the old bytes were */
    uint64_t len;     /* how many; 0 when the write only made the file longer */
};

/* An entry of a listing, pointing into it. */
struct entry {
    int is_dir;
    const char *id; /* INO or KEY, not ended: id_len bytes */
    size_t id_len;
    unsigned mode;  /* directories only */
    const char *name;
};

/* The bytes that a record takes in the undo file. */
static inline uint64_t record_bytes(const struct undo_record *r) {
    return sizeof *r + (r->zero ? 0 : r->len);
}

/* Reads the record at `off` of an undo file of `size` bytes: 1, or 0 at the end or at a torn
 * tail (the write that a torn record was to undo never began). */
static inline int record_read(int fd, uint64_t off, uint64_t size, struct undo_record *r) {
    return off + sizeof *r <= size
        && pread(fd, r, sizeof *r, (off_t)off) == (ssize_t)sizeof *r
        && r->magic == RECORD_MAGIC && r->len <= CHUNK_BYTES
        && off + record_bytes(r) <= size;
}

/* Names a directory for good: 0, or -1 with errno (ENOTSUP: no times of birth here). */
static inline int dir_key(int fd, const char *name, char key[KEY_BYTES]) {
    struct statx s;
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(fd, name, flags, STATX_INO | STATX_BTIME, &s) != 0) return -1;
    if (!(s.stx_mask & STATX_BTIME)) {
        errno = ENOTSUP;
        return -1;
    }
    snprintf(key, KEY_BYTES, "%llu-%lld.%09u", (unsigned long long)s.stx_ino,
             (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec);
    return 0;
}

/* Takes the next entry off a listing at *at: 1, or 0 at the end. Damage ends the process, as
 * only this library writes listings. */
static inline int entry_next(const char **at, const char *end, struct entry *e) {
    if (*at >= end) return 0;
    const char *p = *at;
    e->is_dir = p[0] == 'd';
    e->id = p + 2;
    const char *space = strchr(e->id, ' ');
    if (!space || p[1] != ' ') abort();
    e->id_len = (size_t)(space - e->id);
    e->name = space + 1;
    e->mode = 0;
    if (e->is_dir) {
        char *after;
        e->mode = (unsigned)strtoul(e->name, &after, 8);
        if (*after != ' ') abort();
        e->name = after + 1;
    }
    *at = e->name + strlen(e->name) + 1;
    return 1;
}

/* Reads a whole small file of a directory into fresh memory; NULL with errno if it cannot. */
static inline char *slurp_at(int dir, const char *name, size_t *size) {
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return NULL;
    char *buf = fstat(fd, &st) == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    size_t got = 0;
    while (buf && got < (size_t)st.st_size) {
        ssize_t n = read(fd, buf + got, (size_t)st.st_size - got);
        if (n <= 0) break;
        got += (size_t)n;
    }
    close(fd);
    if (buf) buf[got] = 0;
    *size = got;
    return buf;
}

/* Removes the plain files of LOG/NAME: 0, or -1 with errno. A missing folder is empty. */
static inline int clear_dir(int log, const char *name) {
    int fd = openat(log, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : -1;
    DIR *d = fdopendir(fd);
    int bad = !d;
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            bad |= unlinkat(fd, e->d_name, 0) != 0;
    if (d) closedir(d);
    return bad ? -1 : 0;
}

/* Takes the log's lock for this process: the descriptor, or -1 with errno (EAGAIN or EACCES:
 * another process has it). A record lock ends with its process and is not inherited. */
static inline int take_lock(int log) {
    int fd = openat(log, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd >= 0 && fcntl(fd, F_SETLK, &whole) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

#endif
