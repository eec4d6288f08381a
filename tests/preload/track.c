/* Bookkeeping of the fault library (the interposed calls are in faultfs.c).
 *
 * Guarantees: a record is in the undo file before the write that it undoes begins, and the
 * lock is held from before the record until after the write; so a sync that begins with the
 * lock taken once knows that every record below its mark belongs to a finished write, and a
 * completed sync clears these records and no others. Names need no record: the names of a
 * directory are read at its sync, and every file is kept by a hard link in the log, so it
 * does not matter by which call a file was created, renamed or unlinked meanwhile.
 *
 * A file not seen before counts as wholly unsynced. A failed sync loses for good what was
 * pending: the kernel drops such pages and lets the next sync succeed, so that none is
 * believed here until the next power cut. Anything that cannot be written down ends the
 * process with status 97: going on would make the test blind.
 *
 * Does not: free the space of deleted files before the next restore, or serve two processes.
 */
#define _GNU_SOURCE
#include "state.h"
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/syscall.h>

#define N_BUCKETS 4096u

int log_fd = -1, inodes_fd, undo_fd, dirs_fd, lost_fd; /* log_fd -1: no power cuts */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Directory syncs go one at a time, else an older listing could replace a newer one. */
static pthread_mutex_t dir_sync_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tracked *buckets[N_BUCKETS];
static char root[PATH_MAX];
static size_t root_len; /* 0: no directory is watched */
static dev_t root_dev;
static int foreign; /* another process has the log */
static unsigned long eio_after, n_syncs, sync_ms;
static const char *eio_file, *lie_file;
static unsigned reported;

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list args) {
    char line[1024] = "faultfs: ";
    int n = vsnprintf(line + 9, sizeof line - 10, fmt, args) + 9;
    if (n > (int)sizeof line - 2) n = sizeof line - 2;
    line[n] = '\n';
    (void)!syscall(SYS_write, 2, line, (size_t)n + 1);
}

void die(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
    _exit(97);
}

static void note(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
}

void track_report(unsigned bit, const char *text) {
    if (log_fd >= 0
        && !(__atomic_fetch_or(&reported, 1u << bit, __ATOMIC_SEQ_CST) & (1u << bit)))
        note("%s", text);
}

/* --- files ------------------------------------------------------------------------------ */

struct tracked *find(ino_t ino) {
    struct tracked *t = buckets[ino % N_BUCKETS];
    while (t && t->ino != ino) t = t->next;
    return t;
}

struct tracked *remember(ino_t ino) {
    struct tracked *t = calloc(1, sizeof *t);
    if (!t) die("out of memory");
    t->ino = ino;
    t->undo_fd = t->data_fd = -1;
    t->next = buckets[ino % N_BUCKETS];
    buckets[ino % N_BUCKETS] = t;
    return t;
}

static int in_root(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    return n >= (ssize_t)root_len && memcmp(path, root, root_len) == 0
        && (n == (ssize_t)root_len || path[root_len] == '/');
}

/* A file that no directory sync has seen: pins it; whatever it holds is unsynced. */
static struct tracked *adopt(int fd, const struct stat *st) {
    char from[64], name[32];
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    snprintf(name, sizeof name, "%llu", (unsigned long long)st->st_ino);
    if (linkat(AT_FDCWD, from, inodes_fd, name, AT_SYMLINK_FOLLOW) != 0)
        die("link inode %s into the log: %s", name, strerror(errno));
    struct tracked *t = remember(st->st_ino);
    if (st->st_size > 0) undo_save_empty(t);
    return t;
}

struct tracked *track_lock(int fd, struct stat *st) {
    int keep = errno;
    struct tracked *t = NULL;
    if (log_fd < 0) return NULL;
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode) || st->st_dev != root_dev
        || st->st_nlink == 0) {
        errno = keep;
        return NULL;
    }
    pthread_mutex_lock(&lock);
    /* Again, as another thread may have written before the lock was ours. */
    if (fstat(fd, st) == 0) t = find(st->st_ino);
    if (!t && st->st_nlink > 0 && in_root(fd)) {
        if (foreign) die("two processes write under %s", root);
        t = adopt(fd, st);
    }
    if (!t) pthread_mutex_unlock(&lock);
    errno = keep;
    return t;
}

void track_unlock(void) {
    int keep = errno;
    pthread_mutex_unlock(&lock);
    errno = keep;
}

/* --- syncs ------------------------------------------------------------------------------ */

/* How this sync ends by order: EIO_AFTER counts files, the two FILEs take whatever comes. */
static enum sync_order ordered(int is_file) {
    if (eio_file && access(eio_file, F_OK) == 0) return SYNC_FAILS;
    if (is_file && eio_after && __atomic_add_fetch(&n_syncs, 1, __ATOMIC_SEQ_CST) == eio_after)
        return SYNC_FAILS;
    return lie_file && access(lie_file, F_OK) == 0 ? SYNC_LIES : SYNC_DONE;
}

enum sync_order track_sync_begin(int fd, struct sync_ticket *k) {
    struct stat st;
    int keep = errno;
    memset(k, 0, sizeof *k);
    if (root_len == 0 || fstat(fd, &st) != 0 || st.st_dev != root_dev || st.st_nlink == 0
        || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) || !in_root(fd)) {
        errno = keep;
        return SYNC_DONE;
    }
    int is_file = S_ISREG(st.st_mode);
    enum sync_order order = ordered(is_file);
    k->delay_us = order == SYNC_DONE ? (unsigned)sync_ms * 1000 : 0;
    /* A sync that lies leaves what is pending as it is: a later, honest one may cover it. */
    if (log_fd < 0 || foreign || order == SYNC_LIES) {
        errno = keep;
        return order;
    }
    k->kind = is_file ? 1 : 2;
    if (is_file) {
        pthread_mutex_lock(&lock);
        k->t = find(st.st_ino);
        if (k->t) k->mark = undo_mark(k->t);
        pthread_mutex_unlock(&lock);
    } else {
        if (dir_key(fd, "", k->key) != 0) die("key: %s", strerror(errno));
        pthread_mutex_lock(&dir_sync_lock);
        pthread_mutex_lock(&lock);
        k->listing = names_scan(fd, &k->listing_len);
        pthread_mutex_unlock(&lock);
    }
    errno = keep;
    return order;
}

static void dir_sync_end(struct sync_ticket *k, int ok) {
    if (!ok) {
        int fd = openat(lost_fd, k->key, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) die("lost directory: %s", strerror(errno));
        close(fd);
    } else if (faccessat(lost_fd, k->key, F_OK, 0) != 0) {
        names_commit(k->key, k->listing, k->listing_len);
    }
}

void track_sync_end(struct sync_ticket *k, int ok) {
    int keep = errno;
    if (k->kind == 1 && k->t) {
        pthread_mutex_lock(&lock);
        undo_sync_end(k->t, k->mark, ok);
        pthread_mutex_unlock(&lock);
    } else if (k->kind == 2) {
        dir_sync_end(k, ok);
        pthread_mutex_unlock(&dir_sync_lock);
        free(k->listing);
    }
    errno = keep;
}

/* --- start ------------------------------------------------------------------------------ */

/* Calls `each` with every inode that a folder of the log has a file of. */
static void for_inodes(const char *folder, void (*each)(ino_t)) {
    int fd = openat(log_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) die("read the log: %s", strerror(errno));
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
            each((ino_t)strtoull(e->d_name, NULL, 10));
    closedir(d);
}

static void know(ino_t ino) {
    remember(ino);
}

static void know_pending(ino_t ino) {
    struct tracked *t = find(ino);
    if (!t) die("the log lacks a link of inode %llu", (unsigned long long)ino);
    undo_resume(t);
}

/* Goes on with the log of an earlier process that was not followed by a power cut. */
static void resume(const char *text, size_t len) {
    if (len != root_len || memcmp(text, root, len) != 0) die("the log is of another directory");
    unlinkat(inodes_fd, "new", 0);
    for_inodes("inodes", know);
    for_inodes("undo", know_pending);
}

static void begin(int fd) {
    static const char *const parts[] = {"inodes", "undo", "dirs", "lost"};
    for (size_t i = 0; i < 4; i++)
        if (clear_dir(log_fd, parts[i]) != 0) die("clear the log: %s", strerror(errno));
    names_take_as_durable(fd);
    unlinkat(log_fd, "root.new", 0);
    int to = openat(log_fd, "root.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0 || syscall(SYS_write, to, root, root_len) != (long)root_len
        || renameat(log_fd, "root.new", log_fd, "root") != 0)
        die("write the log: %s", strerror(errno));
    close(to);
}

static int log_part(const char *name) {
    if (mkdirat(log_fd, name, 0700) != 0 && errno != EEXIST) die("mkdir: %s", strerror(errno));
    int fd = openat(log_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) die("open the log: %s", strerror(errno));
    return fd;
}

static void open_log(const char *path, int root_fd) {
    char real[PATH_MAX];
    struct stat st;
    size_t len;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) die("mkdir %s: %s", path, strerror(errno));
    if (!realpath(path, real)) die("%s: %s", path, strerror(errno));
    if (!strncmp(real, root, root_len) && (real[root_len] == '/' || !real[root_len]))
        die("the log lies in the watched directory");
    log_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log_fd < 0 || fstat(log_fd, &st) != 0) die("%s: %s", real, strerror(errno));
    if (st.st_dev != root_dev) die("log and watched directory are on two file systems");
    if (take_lock(log_fd) < 0) {
        if (errno != EAGAIN && errno != EACCES) die("lock: %s", strerror(errno));
        foreign = 1;
        return;
    }
    inodes_fd = log_part("inodes");
    undo_fd = log_part("undo");
    dirs_fd = log_part("dirs");
    lost_fd = log_part("lost");
    char *text = slurp_at(log_fd, "root", &len);
    if (text) resume(text, len);
    else begin(root_fd);
    free(text);
}

/* A variable's text, or NULL when it is not set or empty. */
static const char *text_of(const char *name) {
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

/* A variable's whole number, 1 to 10^6; 0 when it is not set. */
static unsigned long number_of(const char *name) {
    const char *text = text_of(name);
    char *end;
    if (!text) return 0;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || n == 0 || n > 1000000) die("%s is not a positive number", name);
    return n;
}

void track_init(void) {
    const char *dir = text_of("MERCATO_FAULT_DIR"), *log = text_of("MERCATO_FAULT_LOG");
    struct stat st;
    eio_file = text_of("MERCATO_FAULT_EIO_FILE");
    lie_file = text_of("MERCATO_FAULT_LIE_FILE");
    eio_after = number_of("MERCATO_FAULT_EIO_AFTER");
    sync_ms = number_of("MERCATO_FAULT_SYNC_MS");
    if (!dir) {
        if (log || eio_file || lie_file || eio_after || sync_ms)
            die("MERCATO_FAULT_DIR is not set");
        return;
    }
    if (!realpath(dir, root)) die("%s: %s", dir, strerror(errno));
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) die("%s: %s", root, strerror(errno));
    root_dev = st.st_dev;
    root_len = strlen(root);
    if (log) open_log(log, fd);
    close(fd);
}
