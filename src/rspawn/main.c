/*
 * tern-rspawn - makes the workers that deliver by SMTP
 *
 * Started by  tern-start, as the remote user (the owner of run/remote), in
 *             the home.
 * fd 0        packet socket: requests for workers from tern-send, answers
 *             with the worker's socket (wire/workerrequest.h).
 * fd 2        log lines: workers that ended badly.
 * Touches     no file; runs bin/tern-remote -w DESTINATION.
 * Trusts      tern-send to ask for no more workers than the machine can
 *             bear; nobody about syntax.
 * Exits       0 when tern-send closes fd 0; 100 when it sends what is no
 *             request, or when used wrongly; 111 when the system fails us.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/exits.h"
#include "lib/spawn.h"
#include "policy/confinement.h"
#include "service/spawner.h"
#include "wire/envelope.h"

static char const worker[] = "bin/tern-remote";

static void
worker_exec(struct span destination)
{
	char program[] = "tern-remote", option[] = "-w", path[] = "PATH=/usr/bin:/bin";
	char name[ADDRESS_LIMIT];
	char *argv[] = {program, option, name, NULL};
	char *environment[] = {path, NULL}; /* it talks to strangers and needs nothing of ours */

	memcpy(name, destination.s, destination.len);
	name[destination.len] = '\0';
	execve(worker, argv, environment);
	fprintf(stderr, "tern-rspawn: fatal: unable to run %s: %s\n", worker, strerror(errno));
	_exit(EXIT_TEMPORARY);
}

static pid_t
worker_start(struct span destination, int socket, enum verdict *verdict, stralloc *text)
{
	pid_t pid;

	if (destination.len >= ADDRESS_LIMIT) {
		*verdict = VERDICT_FAILED;
		stralloc_cats(text, "This is too long for the name of a host. (#5.1.2)");
		return 0;
	}
	pid = spawn_fork(&socket, 1);
	if (pid == 0)
		worker_exec(destination);
	return pid;
}

int
main(int argc, char **argv)
{
	static struct spawner const spawner = {"tern-rspawn", worker_start};

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "tern-rspawn: usage: tern-rspawn (started by tern-start)\n");
		return EXIT_PERMANENT;
	}
	confinement_enter(CONFINEMENT_RSPAWN);
	return spawner_run(&spawner);
}
