/* What the parts of the fault library share among themselves (track.c owns the variables). */
#ifndef MERCATO_FAULT_STATE_H
#define MERCATO_FAULT_STATE_H

#include "format.h"
#include "track.h"

#pragma GCC visibility push(hidden)

/* A file that was seen under the watched directory. Never freed, so that pointers hold. */
struct tracked {
    struct tracked *next;
    ino_t ino;
    int undo_fd;      /* -1 while nothing is pending, so that descriptors do not pile up */
    int data_fd;      /* reads old content, as the program's descriptor may be write-only */
    uint64_t base;    /* position of the undo file's first byte; grows when it is emptied */
    uint64_t end;     /* bytes in the undo file */
    uint64_t cleared; /* as in the undo file's header */
    int lost;
};

/* Folders of the log. */
extern int log_fd, inodes_fd, undo_fd, dirs_fd, lost_fd;

/* track.c: all of them with the lock held, or before there are threads. */
struct tracked *find(ino_t ino);
struct tracked *remember(ino_t ino);
/* Ends the process with status 97 and a line on stderr. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

/* undo.c: the records of one file; the lock is held. */
/* Opens the undo file, of this run or of an earlier one. */
void undo_open(struct tracked *t);
/* Opens it if an earlier run left records in it that are still pending. */
void undo_resume(struct tracked *t);
/* Notes that the file counts as empty until it is synced. */
void undo_save_empty(struct tracked *t);
/* The position below which all records belong to finished writes. */
uint64_t undo_mark(const struct tracked *t);
/* A sync that began at the mark ended. */
void undo_sync_end(struct tracked *t, uint64_t mark, int ok);

/* names.c: the names of a directory. */
/* Reads them into a fresh listing and pins every file; the lock is held. */
char *names_scan(int fd, size_t *len);
/* Makes a listing the durable one, whole or not at all. */
void names_commit(const char *key, const char *buf, size_t len);
/* Takes everything below fd as durable, as it is. */
void names_take_as_durable(int fd);

#pragma GCC visibility pop

#endif
