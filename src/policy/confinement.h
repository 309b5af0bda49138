#ifndef POLICY_CONFINEMENT_H
#define POLICY_CONFINEMENT_H

#include "lib/confine.h"

/*
 * What each of our processes may do: the one table, from which they confine
 * themselves, and with which `tern check --confinement` compares what runs.
 * control/confinement with 0 turns it off, but for what keeps a process from
 * gaining privileges.
 */
enum confinement_role {
	CONFINEMENT_SMTPD, /* the worker of a client */
	CONFINEMENT_SMTPD_PARENT,
	CONFINEMENT_QUEUE, /* the worker of a client, and the command */
	CONFINEMENT_QUEUE_PARENT,
	CONFINEMENT_SEND,
	CONFINEMENT_CLEAN,
	CONFINEMENT_BOUNCE,
	CONFINEMENT_RSPAWN,
	CONFINEMENT_REMOTE,
	CONFINEMENT_REMOTE_SOCKETS, /* where a route leads to a Unix socket */
	CONFINEMENT_LSPAWN,
	CONFINEMENT_LOOKUP, /* lspawn's child that looks up an account */
	CONFINEMENT_VERIFY, /* the worker that looks up addresses for smtpd */
	CONFINEMENT_VERIFY_PARENT,
	CONFINEMENT_LOCAL,
	CONFINEMENT_START,
	CONFINEMENT_ROLES
};

struct confinement {
	struct confine confine;
	char const *part;     /* of the program; empty: all of it */
	char const *owner_of; /* it runs as who owns this; NULL: as root or an instance's one user,
				 for tern-local as the recipient */
	char const *reach;    /* what it can get at, for a person */
};

extern struct confinement const confinement_table[CONFINEMENT_ROLES];

/*
 * Confines this process to its role. The working directory is the home. With
 * $QMAILQUEUE set, roles that hand messages to the queue may run programs.
 */
void confinement_enter(enum confinement_role role);

/* Whether $QMAILQUEUE has this process run a program in place of the queue. */
int confinement_queue_is_program(void);

/* Whether control/confinement does not turn it off. */
int confinement_is_on(void);

#endif
