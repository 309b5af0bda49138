#ifndef TERN_TABLE_H
#define TERN_TABLE_H

#include <sys/types.h>

/*
 * What an installation consists of, and who owns it: the one table of owners
 * and modes, for make install, tern init and tern owners.
 */
enum table_kind {
	TABLE_DIRECTORY,
	TABLE_SHARDS, /* a directory with the directories 0 to SPOOL_SHARDS - 1 in it */
	TABLE_FILE,   /* empty at first */
	TABLE_FIFO,
	TABLE_PROGRAM /* put there by make install */
};

/*
 * The accounts. Which program is which user is found by who owns what, so that
 * an instance of one user needs none of them.
 */
enum table_account {
	ROOT,
	TERND, /* smtpd */
	TERNQ, /* queue, clean */
	TERNS, /* send */
	TERNR, /* rspawn, remote */
	TERNB, /* bounce */
	TERNP, /* looks up users for lspawn */
	TERNL, /* logs */
	TERNA, /* the alias user */
	ACCOUNTS
};

/* The group of an entry: its owner's own, or that of those who may see the queue. */
enum table_group { OWN, GROUP_TERN };

struct table_entry {
	enum table_kind kind;
	char const *path; /* below the home */
	enum table_account owner;
	enum table_group group;
	mode_t mode;
};

extern struct table_entry const table[];
extern unsigned const table_length;

/* The names of the accounts, "root" first, and of the group. */
extern char const *const account_names[ACCOUNTS];
extern char const group_tern[];

#endif
