#ifndef SPOOL_ENTRY_H
#define SPOOL_ENTRY_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/envelope.h"

/*
 * Writing an entry: create, append in any number of pieces, seal. Nothing but
 * entry_commit makes a message of it; whoever gives up calls entry_discard.
 */
struct entry_writer {
	int fd;
	uint64_t id;
	uint64_t message; /* bytes written so far */
	uint64_t envelope;
	uint32_t crc;
	stralloc buffer; /* not yet written */
};

/* Creates the file under a new id, made from the time. Returns 0, or -1 with errno. */
int entry_create(struct entry_writer *w);

/* Append to the message, then to the envelope. Return 0, or -1 with errno. */
int entry_append_message(struct entry_writer *w, struct span bytes);
int entry_append_envelope(struct entry_writer *w, struct span bytes);

/*
 * Seals the entry and makes it and its name durable: write, fdatasync, fsync
 * of its directory. Returns 0: the message exists whatever happens now. Or -1
 * with errno: it does not, and the file is gone as far as that could be done.
 */
int entry_commit(struct entry_writer *w);

/* Removes what was written. */
void entry_discard(struct entry_writer *w);

/* Tells send of a new entry; loses nothing when it can not, since send also looks by itself. */
void entry_announce(uint64_t id);

/* A sealed entry that was read. */
struct entry {
	int fd;           /* open for reading, the caller's to close */
	uint64_t message; /* bytes of the message, which is the start of the file */
	stralloc records; /* the envelope; the spans of `envelope` look into it */
	struct envelope envelope;
	uint64_t size;
};

enum entry_result {
	ENTRY_GOOD,
	ENTRY_ABSENT,   /* no such file */
	ENTRY_UNSEALED, /* arriving, or a remnant */
	ENTRY_BROKEN,   /* has a seal that disagrees with its content, or is not a plain file */
	ENTRY_TROUBLE   /* the system failed us: errno */
};

/* Opens the entry and verifies it whole. Only ENTRY_GOOD fills *e. */
enum entry_result entry_open(struct entry *e, uint64_t id);

/* The same for a descriptor at hand, which stays open in each case. */
enum entry_result entry_read(struct entry *e, int fd);

/* Closes the descriptor and frees what the entry holds. */
void entry_close(struct entry *e);

#endif
