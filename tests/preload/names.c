/* The names of the watched directories: what a directory sync makes durable.
 *
 * Guarantees: a listing is read before the sync begins, and replaces the one before it whole
 * or not at all; every file named in it is kept by a hard link in the log from then on. So
 * no call that makes, renames or removes names has to be seen, not even a raw system call.
 * Does not: follow directories other than by key (inode number and time of birth); two with
 * one key would have to be made within one clock tick of the kernel, one after the other.
 */
#define _GNU_SOURCE
#include "state.h"
#include <sys/syscall.h>

/* How often a directory is read again before giving up on it holding still. */
#define SCANS_MAX 1000

/* Makes sure that the file `name` of `dir` is pinned and tells its inode: 0, or -1 when it is
 * gone. By way of a name of our own: between a stat and a link the name could change hands. */
static int pin(int dir, const char *name, ino_t *ino) {
    struct stat st;
    char to[32];
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    if (find(st.st_ino)) {
        *ino = st.st_ino;
        return 0;
    }
    if (linkat(dir, name, inodes_fd, "new", 0) != 0) {
        if (errno == ENOENT) return -1;
        die("link %s into the log: %s", name, strerror(errno));
    }
    if (fstatat(inodes_fd, "new", &st, AT_SYMLINK_NOFOLLOW) != 0) die("a link vanished");
    snprintf(to, sizeof to, "%llu", (unsigned long long)st.st_ino);
    if (renameat(inodes_fd, "new", inodes_fd, to) != 0) die("rename: %s", strerror(errno));
    /* Onto another link of the same file rename does nothing, and the name stays. */
    unlinkat(inodes_fd, "new", 0);
    if (!find(st.st_ino)) remember(st.st_ino);
    *ino = st.st_ino;
    return 0;
}

static char *scan_once(int fd, size_t *len) {
    char *buf = NULL;
    size_t used = 0, room = 0;
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    if (!d) die("read a directory: %s", strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        char key[KEY_BYTES];
        ino_t ino;
        int n = 0;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (room - used < sizeof key + 32 + sizeof e->d_name) {
            room = room * 2 + 4096;
            if (!(buf = realloc(buf, room))) die("out of memory");
        }
        if (fstatat(own, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISDIR(st.st_mode) && dir_key(own, e->d_name, key) == 0)
            n = sprintf(buf + used, "d %s %o %s", key, st.st_mode & 07777, e->d_name) + 1;
        else if (!S_ISDIR(st.st_mode) && pin(own, e->d_name, &ino) == 0)
            n = sprintf(buf + used, "f %llu %s", (unsigned long long)ino, e->d_name) + 1;
        used += (size_t)n;
    }
    closedir(d);
    *len = used;
    return buf;
}

/* Reads until two readings agree: a rename amid one of them can hide both its names. */
char *names_scan(int fd, size_t *len) {
    size_t before_len;
    char *before = scan_once(fd, &before_len);
    for (int tries = 0; tries < SCANS_MAX; tries++) {
        char *now = scan_once(fd, len);
        int same = *len == before_len && (*len == 0 || memcmp(now, before, *len) == 0);
        free(before);
        if (same) return now;
        before = now;
        before_len = *len;
    }
    die("a directory would not hold still");
}

void names_commit(const char *key, const char *buf, size_t len) {
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    int fd = (int)syscall(SYS_openat, dirs_fd, "new", flags, 0600);
    if (fd < 0) die("listing: %s", strerror(errno));
    for (size_t done = 0; done < len;) {
        long n = syscall(SYS_write, fd, buf + done, len - done);
        if (n <= 0) die("listing: %s", n ? strerror(errno) : "no room");
        done += (size_t)n;
    }
    close(fd);
    if (renameat(dirs_fd, "new", dirs_fd, key) != 0) die("listing: %s", strerror(errno));
}

void names_take_as_durable(int fd) {
    char key[KEY_BYTES];
    size_t len;
    struct entry e;
    if (dir_key(fd, "", key) != 0) die("this file system tells no times of birth");
    char *buf = names_scan(fd, &len);
    for (const char *at = buf; entry_next(&at, buf + len, &e);) {
        if (!e.is_dir) continue;
        int sub = openat(fd, e.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (sub < 0) die("open %s: %s", e.name, strerror(errno));
        names_take_as_durable(sub);
        close(sub);
    }
    names_commit(key, buf, len);
    free(buf);
}
