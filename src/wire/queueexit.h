#ifndef WIRE_QUEUEEXIT_H
#define WIRE_QUEUEEXIT_H

/* The exit codes of tern-queue, which are qmail-queue's and are interfaces to many programs. */
enum queue_exit {
	QUEUE_OK = 0,
	QUEUE_ADDRESS_TOO_LONG = 11,
	QUEUE_REFUSED = 31, /* for good */
	QUEUE_NO_MEMORY = 51,
	QUEUE_TIMEOUT = 52,
	QUEUE_WRITE = 53, /* a write failed: the disk may be full */
	QUEUE_READ = 54,  /* the message or the envelope broke off */
	QUEUE_CONFIG = 55,
	QUEUE_NETWORK = 56,
	QUEUE_HOME = 61,
	QUEUE_CHDIR = 62,
	QUEUE_FILE = 64,        /* the entry can not be created */
	QUEUE_DEFERRED = 71,    /* refused for now */
	QUEUE_UNREACHABLE = 74, /* the queue service went away */
	QUEUE_INTERNAL = 81,
	QUEUE_CUSTOM = 82, /* the reason is on descriptor 6, its first byte D or Z */
	QUEUE_FORMAT = 91
};

/* Whether a code means: never (11 to 40), as opposed to: not now (all others but 0). */
static inline int
queue_exit_is_permanent(int code)
{
	return code >= 11 && code <= 40;
}

/* What the code means, as a part of a sentence. */
char const *queue_exit_text(int code);

#endif
