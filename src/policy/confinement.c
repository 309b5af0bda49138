#include "policy/confinement.h"

#include <stdio.h>
#include <stdlib.h>

#include <skalibs/stralloc.h>

#include "lib/control.h"
#include "lib/platform.h"
#include "wire/relayhealth.h"

/* More than the largest settings could ever need: a wall against runaway memory, no budget. */
#define MEMORY (UINT64_C(2) << 30)

/* run/remote/health, which is open before */
#define HEALTH_FILE (RELAYHEALTH_SLOTS * RELAYHEALTH_SLOT)

static char const control[] = "control";
static char const etc[] = "/etc"; /* where links in control/ most often lead to */

struct confinement const confinement_table[CONFINEMENT_ROLES] = {
	[CONFINEMENT_SMTPD] = {{.program = "tern-smtpd", .may = CONFINE_UNIX, .memory = MEMORY},
		"worker", "run/smtpd", "its client; Unix sockets that its user may open"},
	[CONFINEMENT_SMTPD_PARENT] = {{.program = "tern-smtpd", .may = CONFINE_RUN}, "parent",
		"run/smtpd", "new connections, control/; parses nothing of a client"},
	[CONFINEMENT_QUEUE] = {{.program = "tern-queue",
				       .may = CONFINE_READ | CONFINE_WRITE | CONFINE_NAMES,
				       .writes = {"queue/mess", "queue/lock"},
				       .memory = MEMORY},
		"worker", "queue/mess",
		"its client; writes queue/mess, the trigger; reads no file"},
	[CONFINEMENT_QUEUE_PARENT] = {{.program = "tern-queue", .may = CONFINE_RUN}, "parent",
		"queue/mess", "new connections, control/, the queue; parses nothing of a client"},
	[CONFINEMENT_SEND] = {{.program = "tern-send",
				      .may = CONFINE_READ | CONFINE_WRITE,
				      .reads = {control, etc, "queue/mess", "queue/hist"},
				      .writes = {"queue/hist"}},
		"", "queue/hist",
		"reads control/, /etc, queue/mess, queue/hist; writes queue/hist"},
	[CONFINEMENT_CLEAN] = {{.program = "tern-clean",
				       .may = CONFINE_READ | CONFINE_NAMES,
				       .reads = {"queue/mess", "queue/hist", "queue/bad"},
				       .writes = {"queue/mess", "queue/hist", "queue/bad"}},
		"", "queue/mess",
		"reads, removes and renames in queue/mess, queue/hist, queue/bad"},
	[CONFINEMENT_BOUNCE] = {{.program = "tern-bounce",
					.may = CONFINE_READ | CONFINE_UNIX,
					.reads = {control, etc}},
		"", "run/bounce", "reads control/, /etc; Unix sockets that its user may open"},
	[CONFINEMENT_RSPAWN] = {{.program = "tern-rspawn", .may = CONFINE_RUN}, "", "run/remote",
		"what its user may; parses only what tern-send says"},
	[CONFINEMENT_REMOTE] = {{.program = "tern-remote",
					.may = CONFINE_READ | CONFINE_INTERNET,
					.reads = {control, etc, "/etc/resolv.conf"},
					.memory = MEMORY,
					.file = HEALTH_FILE},
		"", "run/remote",
		"TCP and UDP; reads control/, /etc, the folder of resolv.conf; run/remote/health"},
	[CONFINEMENT_REMOTE_SOCKETS] = {{.program = "tern-remote",
						.may = CONFINE_READ | CONFINE_INTERNET |
						       CONFINE_UNIX,
						.reads = {control, etc, "/etc/resolv.conf"},
						.memory = MEMORY,
						.file = HEALTH_FILE},
		"", "run/remote", "the same, and Unix sockets that its user may open"},
	[CONFINEMENT_LSPAWN] = {{.program = "tern-lspawn",
					.may = CONFINE_RUN | CONFINE_GAIN,
					.capabilities = CONFINE_CAP_SETUID | CONFINE_CAP_SETGID |
							CONFINE_CAP_KILL},
		"", NULL,
		"becomes any user but root, with bin/tern-local; no more of root's power"},
	[CONFINEMENT_LOOKUP] = {{.program = "tern-lspawn", .may = CONFINE_RUN}, "lookup",
		"run/lookup", "what its user may: the system's accounts"},
	[CONFINEMENT_VERIFY] = {{.program = "tern-verify", .may = CONFINE_RUN}, "worker",
		"run/lookup", "what its user may: the system's accounts, names of .qmail files"},
	[CONFINEMENT_VERIFY_PARENT] = {{.program = "tern-verify", .may = CONFINE_RUN}, "parent",
		"run/lookup", "new connections; parses nothing of a client"},
	[CONFINEMENT_LOCAL] = {{.program = "tern-local", .may = CONFINE_RUN | CONFINE_GAIN}, "",
		NULL, "what its user may, who runs programs with it"},
	[CONFINEMENT_START] = {{.program = "tern-start",
				       .may = CONFINE_SIGNAL,
				       .capabilities = CONFINE_CAP_KILL},
		"", NULL, "signals to its children; no file, no socket"},
};

int
confinement_queue_is_program(void)
{
	char const *program = getenv("QMAILQUEUE");

	return program && *program;
}

int
confinement_is_on(void)
{
	static enum { UNKNOWN, ON, OFF } state; /* a worker has it from its parent */
	stralloc why = STRALLOC_ZERO;
	uint64_t on = 1;

	if (state == UNKNOWN) {
		control_number_read(&on, "confinement", 1, 0, 1, &why);
		state = on ? ON : OFF;
	}
	stralloc_free(&why);
	return state == ON;
}

void
confinement_enter(enum confinement_role role)
{
	struct confine c = confinement_table[role].confine;
	int submits = role == CONFINEMENT_SMTPD || role == CONFINEMENT_BOUNCE;

	if (submits && confinement_queue_is_program())
		c.may = CONFINE_RUN;
	if (c.may & CONFINE_GAIN || confinement_is_on())
		confine(&c);
	else
		platform_no_new_privileges();
}
