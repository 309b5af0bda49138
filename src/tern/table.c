#include "tern/table.h"

char const *const account_names[ACCOUNTS] = {
	[ROOT] = "root",
	[TERND] = "ternd",
	[TERNQ] = "ternq",
	[TERNS] = "terns",
	[TERNR] = "ternr",
	[TERNB] = "ternb",
	[TERNP] = "ternp",
	[TERNL] = "ternl",
	[TERNA] = "terna",
};

char const group_tern[] = "tern";

/* A directory stands before what is in it. */
struct table_entry const table[] = {
	{TABLE_DIRECTORY, ".", ROOT, OWN, 0755},
	{TABLE_DIRECTORY, "control", ROOT, OWN, 0755},
	{TABLE_DIRECTORY, "alias", TERNA, OWN, 0755},
	/*
	 * tern-queue is setuid and setgid: as the owner it creates entries, as a
	 * member of the group it writes to the trigger, which nobody else may.
	 */
	{TABLE_DIRECTORY, "queue", TERNQ, GROUP_TERN, 0750},
	{TABLE_SHARDS, "queue/mess", TERNQ, GROUP_TERN, 02750},
	{TABLE_SHARDS, "queue/hist", TERNS, GROUP_TERN, 02770},
	{TABLE_DIRECTORY, "queue/bad", TERNQ, GROUP_TERN, 02750},
	{TABLE_DIRECTORY, "queue/lock", TERNQ, GROUP_TERN, 0750},
	{TABLE_FILE, "queue/lock/send", TERNS, GROUP_TERN, 0600},
	{TABLE_FIFO, "queue/lock/trigger", TERNS, GROUP_TERN, 0620},
	{TABLE_DIRECTORY, "run", ROOT, OWN, 0755},
	{TABLE_DIRECTORY, "run/queue", TERNQ, GROUP_TERN, 0755},
	/* Who may reach the socket in it, may say what is to be done with messages. */
	{TABLE_DIRECTORY, "run/send", TERNS, GROUP_TERN, 0750},
	{TABLE_DIRECTORY, "run/smtpd", TERND, OWN, 0700},
	{TABLE_DIRECTORY, "run/remote", TERNR, OWN, 0700},
	{TABLE_DIRECTORY, "run/bounce", TERNB, OWN, 0700},
	/* Whoever asks its socket learns no more than he can find out. */
	{TABLE_DIRECTORY, "run/lookup", TERNP, OWN, 0711},
	{TABLE_DIRECTORY, "log", TERNL, OWN, 0750},
	{TABLE_DIRECTORY, "log/queue", TERNL, OWN, 0750},
	{TABLE_DIRECTORY, "log/smtpd", TERNL, OWN, 0750},
	{TABLE_DIRECTORY, "log/verify", TERNL, OWN, 0750},
	{TABLE_DIRECTORY, "log/send", TERNL, OWN, 0750},
	{TABLE_DIRECTORY, "service", ROOT, OWN, 0755},
	{TABLE_PROGRAM, "bin/tern-queue", TERNQ, GROUP_TERN, 06711},
	{TABLE_PROGRAM, "bin/tern-qread", ROOT, GROUP_TERN, 02755},
	/* Only root has any use for these. */
	{TABLE_PROGRAM, "bin/tern-start", ROOT, OWN, 0700},
	{TABLE_PROGRAM, "bin/tern-lspawn", ROOT, OWN, 0700},
};

unsigned const table_length = sizeof table / sizeof table[0];
