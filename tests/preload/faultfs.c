/* The calls that the fault library puts in front of libc's (LD_PRELOAD); README.md says how
 * to use it, track.c what it guarantees.
 *
 * Every call that changes content first has the old content written down, under a lock held
 * until the call is over. Calls that change names are left alone: names are read when their
 * directory is synced. The real work is done by system calls, not by the next library.
 *
 * Does not see: raw system calls, io_uring, stores through a mapping (reported once), stdio
 * of C (libc calls itself past its own symbols), FICLONE.
 */
#define _GNU_SOURCE
#include "track.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8 && sizeof(off_t) == 8, "64-bit Linux only");

#define SAME_AS(name) __attribute__((alias(#name)))
#define RWF_APPEND_FLAG 0x10
#define RWF_SYNC_FLAGS 0x6 /* RWF_DSYNC, RWF_SYNC */

enum { REPORT_MMAP, REPORT_O_SYNC, REPORT_SYNCFS };

static const char mmap_text[] =
    "a watched file is mapped shared and writable: stores to it are not undone";
static const char o_sync_text[] =
    "a watched file is written with O_SYNC or RWF_SYNC: not taken as a sync, use fsync";
static const char syncfs_text[] = "sync or syncfs was called: not taken as a sync, use fsync";

__attribute__((constructor)) static void start(void) {
    track_init();
}

/* --- writes ------------------------------------------------------------------------------ */

static size_t iov_bytes(const struct iovec *iov, int n) {
    size_t sum = 0;
    for (int i = 0; i < n; i++)
        if (__builtin_add_overflow(sum, iov[i].iov_len, &sum)) return SIZE_MAX;
    return sum;
}

/* Saves what a write of len bytes will change; off -1: at the file's own position. Linux
 * appends to an O_APPEND file also when an offset is given. */
static void save_write(struct tracked *t, const struct stat *st, int fd, off_t off, size_t len,
                       int rw_flags) {
    int keep = errno;
    int flags = fcntl(fd, F_GETFL);
    if ((flags & O_DSYNC) || (rw_flags & RWF_SYNC_FLAGS)) track_report(REPORT_O_SYNC, o_sync_text);
    if ((flags & O_APPEND) || (rw_flags & RWF_APPEND_FLAG)) off = st->st_size;
    else if (off < 0) off = lseek(fd, 0, SEEK_CUR);
    if (off >= 0) track_save(t, st, (uint64_t)off, len);
    errno = keep;
}

ssize_t write(int fd, const void *buf, size_t n) {
    struct stat st;
    struct tracked *t = track_lock(fd, &st);
    if (!t) return syscall(SYS_write, fd, buf, n);
    save_write(t, &st, fd, -1, n, 0);
    ssize_t r = syscall(SYS_write, fd, buf, n);
    track_unlock();
    return r;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t off) {
    struct stat st;
    struct tracked *t = off < 0 ? NULL : track_lock(fd, &st);
    if (!t) return syscall(SYS_pwrite64, fd, buf, n, off);
    save_write(t, &st, fd, off, n, 0);
    ssize_t r = syscall(SYS_pwrite64, fd, buf, n, off);
    track_unlock();
    return r;
}
ssize_t pwrite64(int fd, const void *buf, size_t n, off_t off) SAME_AS(pwrite);

ssize_t writev(int fd, const struct iovec *iov, int n) {
    struct stat st;
    struct tracked *t = track_lock(fd, &st);
    if (!t) return syscall(SYS_writev, fd, iov, n);
    save_write(t, &st, fd, -1, iov_bytes(iov, n), 0);
    ssize_t r = syscall(SYS_writev, fd, iov, n);
    track_unlock();
    return r;
}

ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t off, int flags) {
    struct stat st;
    struct tracked *t = off < -1 ? NULL : track_lock(fd, &st);
    if (!t) return syscall(SYS_pwritev2, fd, iov, n, off, 0L, flags);
    save_write(t, &st, fd, off, iov_bytes(iov, n), flags);
    ssize_t r = syscall(SYS_pwritev2, fd, iov, n, off, 0L, flags);
    track_unlock();
    return r;
}
ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off_t off, int flags)
    SAME_AS(pwritev2);

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t off) {
    struct stat st;
    struct tracked *t = off < 0 ? NULL : track_lock(fd, &st);
    if (!t) return syscall(SYS_pwritev, fd, iov, n, off, 0L);
    save_write(t, &st, fd, off, iov_bytes(iov, n), 0);
    ssize_t r = syscall(SYS_pwritev, fd, iov, n, off, 0L);
    track_unlock();
    return r;
}
ssize_t pwritev64(int fd, const struct iovec *iov, int n, off_t off) SAME_AS(pwritev);

/* Copies inside the kernel are refused with the error upon which callers read and write. */
static int refuse(int out, int error) {
    struct stat st;
    if (!track_lock(out, &st)) return 0;
    track_unlock();
    errno = error;
    return 1;
}

ssize_t copy_file_range(int in, off_t *in_off, int out, off_t *out_off, size_t n,
                        unsigned flags) {
    if (refuse(out, EXDEV)) return -1;
    return syscall(SYS_copy_file_range, in, in_off, out, out_off, n, flags);
}

ssize_t sendfile(int out, int in, off_t *off, size_t n) {
    if (refuse(out, EINVAL)) return -1;
    return syscall(SYS_sendfile, out, in, off, n);
}
ssize_t sendfile64(int out, int in, off_t *off, size_t n) SAME_AS(sendfile);

ssize_t splice(int in, off_t *in_off, int out, off_t *out_off, size_t n, unsigned flags) {
    if (refuse(out, EINVAL)) return -1;
    return syscall(SYS_splice, in, in_off, out, out_off, n, flags);
}

/* --- lengths ----------------------------------------------------------------------------- */

int ftruncate(int fd, off_t len) {
    struct stat st;
    struct tracked *t = len < 0 ? NULL : track_lock(fd, &st);
    if (!t) return (int)syscall(SYS_ftruncate, fd, len);
    if (len < st.st_size) track_save(t, &st, (uint64_t)len, (uint64_t)(st.st_size - len));
    else if (len > st.st_size) track_save(t, &st, (uint64_t)st.st_size, 1);
    int r = (int)syscall(SYS_ftruncate, fd, len);
    track_unlock();
    return r;
}
int ftruncate64(int fd, off_t len) SAME_AS(ftruncate);

int truncate(const char *path, off_t len) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    int r = ftruncate(fd, len);
    int why = errno;
    close(fd);
    errno = why;
    return r;
}
int truncate64(const char *path, off_t len) SAME_AS(truncate);

int fallocate(int fd, int mode, off_t off, off_t len) {
    struct stat st;
    struct tracked *t = off < 0 || len <= 0 ? NULL : track_lock(fd, &st);
    if (!t) return (int)syscall(SYS_fallocate, fd, mode, off, len);
    if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
        track_save(t, &st, (uint64_t)off, UINT64_MAX);
    else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        track_save(t, &st, (uint64_t)off, (uint64_t)len);
    else
        track_save(t, &st, (uint64_t)st.st_size, 1);
    int r = (int)syscall(SYS_fallocate, fd, mode, off, len);
    track_unlock();
    return r;
}
int fallocate64(int fd, int mode, off_t off, off_t len) SAME_AS(fallocate);

int posix_fallocate(int fd, off_t off, off_t len) {
    int keep = errno;
    int r = fallocate(fd, 0, off, len) == 0 ? 0 : errno;
    errno = keep;
    return r;
}
int posix_fallocate64(int fd, off_t off, off_t len) SAME_AS(posix_fallocate);

/* Opens without O_TRUNC, saves the content, and truncates then. */
static int open_at(int dir, const char *path, int flags, mode_t mode) {
    if (!(flags & O_TRUNC) || (flags & O_ACCMODE) == O_RDONLY)
        return (int)syscall(SYS_openat, dir, path, flags, mode);
    int fd = (int)syscall(SYS_openat, dir, path, flags & ~O_TRUNC, mode);
    struct stat st;
    int keep = errno;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
        && ftruncate(fd, 0) != 0) {
        keep = errno;
        close(fd);
        fd = -1;
    }
    errno = keep;
    return fd;
}

#define MODE_OF(flags, last, mode)                                                             \
    do {                                                                                       \
        if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {                                \
            va_list args;                                                                      \
            va_start(args, last);                                                              \
            mode = va_arg(args, mode_t);                                                       \
            va_end(args);                                                                      \
        }                                                                                      \
    } while (0)

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    MODE_OF(flags, flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) SAME_AS(open);

int openat(int dir, const char *path, int flags, ...) {
    mode_t mode = 0;
    MODE_OF(flags, flags, mode);
    return open_at(dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) SAME_AS(openat);

int creat(const char *path, mode_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *path, mode_t mode) SAME_AS(creat);

/* What programs built with fortified headers call instead. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) {
    return open_at(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char *path, int flags) SAME_AS(__open_2);
int __openat_2(int dir, const char *path, int flags);
int __openat_2(int dir, const char *path, int flags) {
    return open_at(dir, path, flags, 0);
}
int __openat64_2(int dir, const char *path, int flags) SAME_AS(__openat_2);

/* --- syncs and mappings ------------------------------------------------------------------ */

static int sync_fd(int fd, long nr) {
    struct sync_ticket k;
    enum sync_order order = track_sync_begin(fd, &k);
    int r = -1;
    if (k.delay_us) usleep(k.delay_us);
    if (order == SYNC_FAILS) errno = EIO;
    else if (order == SYNC_LIES) r = 0;
    else r = (int)syscall(nr, fd);
    track_sync_end(&k, r == 0);
    return r;
}

int fsync(int fd) {
    return sync_fd(fd, SYS_fsync);
}

int fdatasync(int fd) {
    return sync_fd(fd, SYS_fdatasync);
}

int syncfs(int fd) {
    track_report(REPORT_SYNCFS, syncfs_text);
    return (int)syscall(SYS_syncfs, fd);
}

void sync(void) {
    track_report(REPORT_SYNCFS, syncfs_text);
    syscall(SYS_sync);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off) {
    struct stat st;
    if (fd >= 0 && (prot & PROT_WRITE) && !(flags & MAP_ANONYMOUS)
        && (flags & MAP_TYPE) != MAP_PRIVATE && track_lock(fd, &st)) {
        track_unlock();
        track_report(REPORT_MMAP, mmap_text);
    }
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off) SAME_AS(mmap);
