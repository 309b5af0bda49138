#ifndef TERN_QUEUEFILES_H
#define TERN_QUEUEFILES_H

#include <stdint.h>
#include <sys/types.h>

#include "tern/owners.h"

/* The files of the queue as check and repair look at them. */
enum files_kind { FILES_MESS, FILES_HIST };

enum { FILES_MODE = 0640, FILES_PATH_MAX = 400 };

struct queue_file {
	enum files_kind kind;
	unsigned shard;
	char const *name;
	char path[FILES_PATH_MAX];
	int is_id;
	uint64_t id; /* when it is one */
};

typedef void queue_file_function(void *context, struct queue_file const *file);

/*
 * Calls f for every name in the folders of that kind. Returns 0; -1 when one could
 * not be read, which was said; of one that is missing queue_places_each speaks.
 */
int queue_files_each(enum files_kind kind, queue_file_function *f, void *context);

/* How many there are. */
uint64_t queue_files_count(enum files_kind kind);

/*
 * Calls f for each folder and other fixed place of the queue that is not as it
 * should be, with what is wrong.
 */
typedef void queue_place_function(void *context, char const *path, char const *problem);

void queue_places_each(struct owners const *owners, queue_place_function *f, void *context);

/*
 * Who should own what: the accounts for the built-in home, where they are
 * there; else whoever owns the working directory, with the group of queue/hist.
 */
void queue_owners(struct owners *owners);

/* Who should own the files of a kind. */
uid_t queue_files_owner(struct owners const *owners, enum files_kind kind);

#endif
