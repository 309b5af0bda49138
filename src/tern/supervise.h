#ifndef TERN_SUPERVISE_H
#define TERN_SUPERVISE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The service tree: service/NAME, each supervised by an s6-supervise, all of
 * these by one s6-svscan. The working directory is the instance.
 */
enum { SERVICES_MAX = 64, SERVICE_PATH_MAX = 300 };

struct services {
	size_t count;
	char name[SERVICES_MAX][256]; /* sorted */
};

/* The folders of service/. Exits when they can not be read. */
void services_list(struct services *services);

/* Whether the folder's own s6-svscan, or the s6-supervise of a service directory, runs. */
int svscan_runs(void);
int supervisor_runs(char const *service_directory);

/* Whether any of either runs. */
int tree_runs(struct services const *services);

/*
 * Ends what is left when s6-svscan was killed: the supervisors and services,
 * which a new s6-svscan could not adopt. Does nothing when s6-svscan runs.
 */
void tree_heal(struct services const *services);

/*
 * Before s6-svscan is started: forgets what an earlier supervisor of the
 * service directory said. After: waits until a new one has said something.
 * Returns 1; or 0 when after so many milliseconds it has not.
 */
void supervisor_forget(char const *service_directory);
int supervisor_wait(char const *service_directory, int64_t milliseconds);

/*
 * Waits until nothing of the tree runs. Returns 1; or 0 when after so many
 * milliseconds something still does.
 */
int tree_wait_gone(struct services const *services, int64_t milliseconds);

/* What s6-svstat says. */
struct service_state {
	int supervised, up, wanted, ready;
	pid_t pid;      /* 0: none */
	int exit_code;  /* of its last end; -1: unknown or by a signal */
	uint64_t since; /* seconds it has been up, or down */
};

void service_state_read(struct service_state *state, char const *service_directory);

#endif
