#ifndef SPOOL_LAYOUT_H
#define SPOOL_LAYOUT_H

#include <stdint.h>

/*
 * The queue on disk, below the home, which is the working directory.
 *
 *   queue/mess/S/ID   an entry: message, envelope, seal       owner: the queue's user
 *   queue/hist/S/ID   what has happened to it                 owner: send's user
 *   queue/bad/        what was found broken and set aside
 *   queue/lock/send   held by the one running send
 *   queue/lock/trigger  a fifo: ids of new entries, a line each
 *
 * ID is the time of arrival in microseconds since 1970; S is ID mod 64, so
 * that no directory grows large. The states of a message:
 *
 *   mess          hist       means
 *   -             -          there is no such message
 *   unsealed      -          it is arriving, or its arrival broke off; after
 *                            36 hours it is removed
 *   sealed        -          queued; nothing has happened yet
 *   sealed        present    queued; the state is the envelope replayed over
 *                            the history; the history's mtime is the time of
 *                            the next attempt
 *   -             present    done; the history is garbage and is removed
 *
 * An entry is sealed by its last write and durable before anyone is told of
 * it; it never changes afterwards. mess is removed before hist, so that a
 * finished recipient can not become a new one.
 */
enum { SPOOL_SHARDS = 64, SPOOL_PATH_MAX = 64 };

/* The longest possible arrival: an unsealed entry older than this is a remnant. */
enum { SPOOL_ARRIVAL_MAX = 36 * 3600 };

#define SPOOL_TRIGGER "queue/lock/trigger"
#define SPOOL_LOCK "queue/lock/send"

/* Write the NUL-ended path of the entry, its history, its place among the bad, its directory. */
void spool_mess_path(char path[SPOOL_PATH_MAX], uint64_t id);
void spool_hist_path(char path[SPOOL_PATH_MAX], uint64_t id);
void spool_bad_path(char path[SPOOL_PATH_MAX], uint64_t id);
void spool_mess_directory(char path[SPOOL_PATH_MAX], uint64_t id);
void spool_hist_directory(char path[SPOOL_PATH_MAX], uint64_t id);

/* Reads a file's name as an id. Returns 0, or -1 when it is not one in its one form. */
int spool_id_parse(char const *name, uint64_t *id);

#endif
