#include "tern/queueaccess.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/privilege.h"
#include "lib/spawn.h"
#include "service/queueclient.h"
#include "spool/layout.h"
#include "tern/instance.h"

static char const clean_program[] = "bin/tern-clean";

/* As the owner of queue/mess, which it becomes by itself. */
static void
clean_start(struct queue_access *access)
{
	int requests[2], answers[2];
	pid_t pid;

	if (pipe(requests) == -1 || pipe(answers) == -1 ||
		fcntl(requests[1], F_SETFD, FD_CLOEXEC) == -1 ||
		fcntl(answers[0], F_SETFD, FD_CLOEXEC) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a pipe");
	pid = spawn_fork((int[]){requests[0], answers[1], 2}, 3);
	if (pid == -1)
		strerr_diefusys(EXIT_TEMPORARY, "fork");
	if (pid == 0) {
		execl(clean_program, clean_program, (char *)NULL);
		strerr_diefusys(EXIT_TEMPORARY, "run ", clean_program);
	}
	close(requests[0]);
	close(answers[1]);
	access->clean_in = requests[1];
	access->clean = answers[0];
}

void
queue_lock_take(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct flock holder = lock;
	char pid[24] = "unknown";
	int fd = open(SPOOL_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		strerr_diefusys(EXIT_TEMPORARY, "open ", SPOOL_LOCK);
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return; /* kept until we exit */
	if (fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
		snprintf(pid, sizeof pid, "%ld", (long)holder.l_pid);
	strerr_dief(EXIT_TEMPORARY,
		"another program works on this queue (" SPOOL_LOCK " is locked): process ", pid);
}

static void
become_owner(void)
{
	if (geteuid() == 0 && privilege_become_owner("queue/hist") == -1)
		strerr_diefusys(EXIT_TEMPORARY, "become the owner of queue/hist");
}

/* The socket is connected before we give root up, so that tern-send sees who asks. */
void
queue_access_open(struct queue_access *a, char const *directory, enum queue_intent intent)
{
	*a = (struct queue_access){getuid(), -1, -1, -1};
	instance_enter(instance_directory(directory));
	a->client = queueclient_open();
	if (a->client == -1 && intent != INTENT_READ && errno == EACCES)
		strerr_dief(EXIT_PERMANENT,
			"only root, the queue's own users and the group of queue/hist may change "
			"what is in the queue");
	if (a->client == -1 && intent == INTENT_REMOVE)
		clean_start(a);
	become_owner();
	if (a->client == -1 && intent != INTENT_READ)
		queue_lock_take();
	if (access("queue/mess/0", R_OK | X_OK) == -1)
		strerr_dief(EXIT_PERMANENT,
			"you may not look into the queue; as root, or your own messages with "
			"mailq");
}

int
queue_access_remove(struct queue_access *access, uint64_t id)
{
	char line[24], answer;
	int len = snprintf(line, sizeof line, "%llu\n", (unsigned long long)id);

	if (durable_write(access->clean_in, line, (size_t)len) == -1)
		return -1;
	return read(access->clean, &answer, 1) == 1 && answer == '+' ? 0 : -1;
}

void
output_flush(stralloc *out)
{
	if (out->len && durable_write(1, out->s, out->len) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "write the output");
	out->len = 0;
}

void
memory_or_die(int good)
{
	if (!good)
		strerr_dief(EXIT_TEMPORARY, "out of memory");
}
