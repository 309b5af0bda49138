#ifndef LIB_CONFINE_H
#define LIB_CONFINE_H

#include <stdint.h>

/*
 * A process gives up, for ever, what it does not need, before it reads the
 * first byte of someone it does not trust. What the kernel lacks is left out:
 * each part is a wall behind the others (man/tern-confinement.7 says which
 * and how to see it).
 *
 * What is refused fails in one of two ways. Whatever would be an escape
 * (running a program, tracing a process, mounting, a socket below TCP ...)
 * ends the process. Anything else that is not in the table of its class is
 * refused with an error, so that a C library that begins to use another call
 * is no outage, and is said once a process on descriptor 2.
 *
 * Builds with sanitizers, and those with TERN_UNCONFINED, confine nothing.
 */
enum confine_may {
	CONFINE_READ = 1,  /* look at names; open files to read, where `reads` says */
	CONFINE_WRITE = 2, /* create files and open them to write, where `writes` says */
	CONFINE_NAMES = 4, /* rename and remove, where `writes` says */
	CONFINE_UNIX = 8,  /* make and connect Unix sockets that have a path */
	CONFINE_INTERNET =
		16,          /* make, bind and connect TCP and UDP sockets, ask for own addresses */
	CONFINE_SIGNAL = 32, /* send signals to others */
	CONFINE_RUN = 64,    /* fork, and run programs, which inherit all this: so files and
				sockets stay open to them, and only escapes are refused */
	CONFINE_GAIN = 128   /* with CONFINE_RUN: these may gain privileges by being setuid, and
				inherit nothing: only capabilities are given up */
};

/* Capabilities of Linux that a process may keep, as bits. */
enum confine_capability {
	CONFINE_CAP_KILL = 1 << 5,
	CONFINE_CAP_SETGID = 1 << 6,
	CONFINE_CAP_SETUID = 1 << 7
};

enum { CONFINE_PATHS = 4 };

struct confine {
	char const *program; /* its name in messages */
	unsigned may;
	unsigned capabilities;
	/* Folders, with all below them; a file stands for the folder it is in after all links,
	 * so that it may be replaced; and so does each link in the first folder. */
	char const *reads[CONFINE_PATHS];
	char const *writes[CONFINE_PATHS]; /* to write, create, rename, remove, but not to read */
	uint64_t memory;                   /* bytes of address space; 0: as many as there are */
	/* Without CONFINE_WRITE: how long a file may become that is open already. */
	uint64_t file; /* bytes */
};

/* Confines this process. */
void confine(struct confine const *c);

/*
 * Before a change of user: no program that this process or its children run
 * can give them a capability any more. Does nothing when not root.
 */
void confine_capabilities_bound(void);

/* The version of Landlock the kernel has, 0: none. */
int confine_landlock_version(void);

/* Whether this build and machine have a filter of system calls. */
int confine_has_filter(void);

/* Parts of it, for confine.c alone: each does what it can. */
void confine_landlock(struct confine const *c);
void confine_filter(struct confine const *c);
void confine_capabilities(struct confine const *c);
#ifdef TERN_SELFTEST
void confine_selftest(struct confine const *c, void (*apply)(struct confine const *));
#endif

#endif
