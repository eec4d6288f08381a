/* powercut: what a power cut would have left of a directory watched by the fault library.
 *
 *   powercut show DIR LOG                          tells what would be gone
 *   powercut restore DIR LOG                       tells it, and takes it away
 *   powercut restore DIR LOG --torn SEED [SECTOR]  keeps a random part of the unsynced content
 *
 * restore puts every file back to its last completed sync and every directory to the names
 * of its own last completed sync, and empties the log. Without --torn nothing unsynced stays;
 * with it each SECTOR bytes (512 unless told) that differ are kept or not by a coin, as a
 * disk may have written some of the cached pages; names stay as synced.
 *
 * Guarantees: refuses (status 1) while the process that writes is alive, and for a log of
 * another directory; killed midway it can be run again. Owner and mode of files are not
 * tracked. A last line "powercut: N names, M files" counts what was found changed.
 */
#define _GNU_SOURCE
#include "format.h"
#include <limits.h>
#include <stdarg.h>

#define DEPTH_MAX 64

static int log_fd, inodes_fd, undo_fd, dirs_fd;
static int n_names, n_files;
static int torn;
static uint64_t rng;
static uint64_t sector_bytes = 512;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fputs("powercut: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    exit(1);
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static int coin(void) {
    uint64_t z = rng += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (int)((z ^ (z >> 31)) & 1);
}

/* --- content ----------------------------------------------------------------------------- */

/* The undo file of an inode and the offsets of its pending records, oldest first: how many,
 * or 0 (and *fd -1) when nothing is pending. */
static size_t pending(const char *ino, int *fd, uint64_t **offs, struct undo_header *h) {
    struct stat st;
    struct undo_record r;
    size_t n = 0, room = 0;
    *offs = NULL;
    *fd = openat(undo_fd, ino, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) return 0;
    if (fstat(*fd, &st) != 0 || pread(*fd, h, sizeof *h, 0) != (ssize_t)sizeof *h) {
        close(*fd);
        *fd = -1;
        return 0;
    }
    if (h->magic != UNDO_MAGIC) fail("undo file %s is damaged", ino);
    for (uint64_t off = sizeof *h; record_read(*fd, off, (uint64_t)st.st_size, &r);
         off += record_bytes(&r)) {
        if (off < h->cleared) continue;
        if (n == room && !(*offs = realloc(*offs, (room = room * 2 + 64) * sizeof **offs)))
            fail("out of memory");
        (*offs)[n++] = off;
    }
    if (n == 0) {
        close(*fd);
        *fd = -1;
    }
    return n;
}

static void write_all(int fd, const char *buf, uint64_t n, uint64_t at) {
    while (n) {
        ssize_t w = pwrite(fd, buf, n, (off_t)at);
        if (w <= 0) fail("write: %s", strerror(errno));
        buf += w;
        n -= (uint64_t)w;
        at += (uint64_t)w;
    }
}

static void undo_one(int undo, uint64_t off, int data) {
    static char buf[CHUNK_BYTES];
    struct undo_record r;
    if (pread(undo, &r, sizeof r, (off_t)off) != (ssize_t)sizeof r) fail("undo: short read");
    if (ftruncate(data, (off_t)r.old_len) != 0) fail("truncate: %s", strerror(errno));
    if (r.len == 0) return;
    if (r.zero) memset(buf, 0, r.len);
    else if (pread(undo, buf, r.len, (off_t)(off + sizeof r)) != (ssize_t)r.len)
        fail("undo: short read");
    write_all(data, buf, r.len, r.off);
}

/* Copies a whole file into an unnamed one of the log, so that --torn can look back at it. */
static int copy_of(int data, uint64_t size) {
    static char buf[CHUNK_BYTES];
    int to = openat(log_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (to < 0) fail("temporary file: %s", strerror(errno));
    for (uint64_t at = 0; at < size;) {
        ssize_t n = pread(data, buf, sizeof buf, (off_t)at);
        if (n <= 0) fail("read: %s", strerror(errno));
        write_all(to, buf, (uint64_t)n, at);
        at += (uint64_t)n;
    }
    return to;
}

/* Writes back, by a coin each, the sectors in which the restored file differs. */
static void tear(int data, int before, uint64_t size) {
    char *old = malloc(sector_bytes), *new = malloc(sector_bytes);
    if (!old || !new) fail("out of memory");
    for (uint64_t at = 0; at < size; at += sector_bytes) {
        ssize_t n = pread(before, new, sector_bytes, (off_t)at);
        ssize_t m = pread(data, old, sector_bytes, (off_t)at);
        if (n < 0 || m < 0) fail("read: %s", strerror(errno));
        if (m >= n && memcmp(old, new, (size_t)n) == 0) continue;
        if (coin()) write_all(data, new, (uint64_t)n, at);
    }
    free(old);
    free(new);
}

static void undo_file(const char *ino) {
    int undo;
    uint64_t *offs;
    struct undo_header h;
    struct stat st;
    size_t n = pending(ino, &undo, &offs, &h);
    if (n == 0) return;
    int data = openat(inodes_fd, ino, O_RDWR | O_CLOEXEC);
    if (data < 0 || fstat(data, &st) != 0) fail("inode %s: %s", ino, strerror(errno));
    int before = torn ? copy_of(data, (uint64_t)st.st_size) : -1;
    while (n) undo_one(undo, offs[--n], data);
    if (torn) {
        tear(data, before, (uint64_t)st.st_size);
        close(before);
        /* Not again when run once more: this file's coins are thrown. */
        unlinkat(undo_fd, ino, 0);
    }
    free(offs);
    close(data);
    close(undo);
}

/* --- names ------------------------------------------------------------------------------- */

/* The durable listing of a directory; a directory that was never synced has no names. */
static char *listing_of(const char *key, size_t *len) {
    char *buf = slurp_at(dirs_fd, key, len);
    if (!buf && errno != ENOENT) fail("listing %s: %s", key, strerror(errno));
    if (!buf) *len = 0;
    return buf;
}

static int is_id(const struct entry *e, const char *id) {
    return strlen(id) == e->id_len && memcmp(e->id, id, e->id_len) == 0;
}

static void tell(const char *what, const char *path, const char *name) {
    printf("%s %s%s%s\n", what, path, *path ? "/" : "", name);
}

static void tell_content(const char *ino, const char *path, const char *name) {
    int fd;
    uint64_t *offs;
    struct undo_header h;
    size_t n = pending(ino, &fd, &offs, &h);
    if (n == 0) return;
    n_files++;
    printf("%s %s%s%s (%zu records)\n", h.lost ? "lost content" : "unsynced content", path,
           *path ? "/" : "", name, n);
    free(offs);
    close(fd);
}

/* Tells how a directory differs from its durable listing, and those below it. */
static void report(int fd, const char *path) {
    char key[KEY_BYTES], id[KEY_BYTES], sub_path[PATH_MAX];
    size_t len;
    struct entry e;
    struct stat st;
    if (dir_key(fd, "", key) != 0) fail("key: %s", strerror(errno));
    char *buf = listing_of(key, &len);
    for (const char *at = buf; entry_next(&at, buf + len, &e);) {
        if (fstatat(fd, e.name, &st, AT_SYMLINK_NOFOLLOW) == 0) continue;
        n_names++;
        tell("unsynced removal", path, e.name);
    }
    DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!d) fail("%s: %s", path, strerror(errno));
    for (struct dirent *now; (now = readdir(d));) {
        int known = 0, same = 0;
        if (!strcmp(now->d_name, ".") || !strcmp(now->d_name, "..")) continue;
        if (fstatat(fd, now->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail("stat: it moves");
        if (S_ISDIR(st.st_mode)) dir_key(fd, now->d_name, id);
        else snprintf(id, sizeof id, "%llu", (unsigned long long)st.st_ino);
        for (const char *at = buf; !known && entry_next(&at, buf + len, &e);)
            if ((known = !strcmp(e.name, now->d_name))) same = is_id(&e, id);
        if (!same) {
            n_names++;
            tell(known ? "unsynced replacement" : "unsynced name", path, now->d_name);
        } else if (S_ISDIR(st.st_mode)) {
            int sub = openat(fd, now->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            snprintf(sub_path, sizeof sub_path, "%s%s%s", path, *path ? "/" : "", now->d_name);
            if (sub < 0) fail("%s: %s", sub_path, strerror(errno));
            report(sub, sub_path);
            close(sub);
        } else {
            tell_content(id, path, now->d_name);
        }
    }
    closedir(d);
    free(buf);
}

/* Empties a directory; every file in it that matters has a link in the log. */
static void empty(int fd) {
    DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!d) fail("read a directory: %s", strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail("stat: it moves");
        if (S_ISDIR(st.st_mode)) {
            int sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            if (sub < 0) fail("%s: %s", e->d_name, strerror(errno));
            empty(sub);
            close(sub);
        }
        if (unlinkat(fd, e->d_name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0)
            fail("remove %s: %s", e->d_name, strerror(errno));
    }
    closedir(d);
}

/* Makes the durable names below a directory; `depth` ends a circle, which directories that
 * were moved into each other without all their syncs could leave in the listings. */
static void rebuild(int fd, const char *key, int depth) {
    size_t len;
    struct entry e;
    char id[KEY_BYTES];
    if (depth > DEPTH_MAX) fail("directories are nested too deep");
    char *buf = listing_of(key, &len);
    for (const char *at = buf; entry_next(&at, buf + len, &e);) {
        if (e.id_len >= sizeof id) fail("listing %s is damaged", key);
        memcpy(id, e.id, e.id_len);
        id[e.id_len] = 0;
        if (!e.is_dir) {
            if (linkat(inodes_fd, id, fd, e.name, 0) != 0)
                fail("bring back %s: %s", e.name, strerror(errno));
            continue;
        }
        int sub = mkdirat(fd, e.name, 0700) != 0
            ? -1 : openat(fd, e.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (sub < 0) fail("bring back %s: %s", e.name, strerror(errno));
        rebuild(sub, id, depth + 1);
        if (fchmod(sub, e.mode) != 0) fail("mode of %s: %s", e.name, strerror(errno));
        close(sub);
    }
    free(buf);
}

/* --- commands ---------------------------------------------------------------------------- */

static int part(const char *name) {
    int fd = openat(log_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail("the log has no %s", name);
    return fd;
}

static void restore(int root_fd) {
    static const char *const parts[] = {"undo", "dirs", "lost", "inodes"};
    char key[KEY_BYTES];
    DIR *d = fdopendir(openat(log_fd, "undo", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!d) fail("undo: %s", strerror(errno));
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') undo_file(e->d_name);
    closedir(d);
    empty(root_fd);
    if (dir_key(root_fd, "", key) != 0) fail("key: %s", strerror(errno));
    rebuild(root_fd, key, 0);
    if (unlinkat(log_fd, "root", 0) != 0) fail("end the log: %s", strerror(errno));
    for (size_t i = 0; i < 4; i++)
        if (clear_dir(log_fd, parts[i]) != 0) fail("clear %s: %s", parts[i], strerror(errno));
}

static uint64_t number(const char *text) {
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    if (!*text || *end) fail("%s is not a number", text);
    return n;
}

int main(int argc, char **argv) {
    char real[PATH_MAX];
    size_t len;
    int restoring = argc > 1 && !strcmp(argv[1], "restore");
    torn = restoring && (argc == 6 || argc == 7) && !strcmp(argv[4], "--torn");
    if (!(torn || (argc == 4 && (restoring || !strcmp(argv[1], "show"))))) {
        fputs("usage: powercut show|restore DIR LOG [--torn SEED [SECTOR]]\n", stderr);
        return 2;
    }
    if (torn) rng = number(argv[5]);
    if (torn && argc == 7) sector_bytes = number(argv[6]);
    if (sector_bytes == 0 || sector_bytes > CHUNK_BYTES) fail("a sector has 1 B to 1 MiB");
    int root_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    log_fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0 || log_fd < 0) fail("open: %s", strerror(errno));
    if (!realpath(argv[2], real)) fail("%s: %s", argv[2], strerror(errno));
    if (take_lock(log_fd) < 0) fail("the process that writes is still alive");
    char *root = slurp_at(log_fd, "root", &len);
    if (!root || strcmp(root, real) != 0) fail("not the log of %s", real);
    free(root);
    inodes_fd = part("inodes");
    undo_fd = part("undo");
    dirs_fd = part("dirs");
    report(root_fd, "");
    if (restoring) restore(root_fd);
    printf("powercut: %d names, %d files\n", n_names, n_files);
    return 0;
}
