#ifndef REMOTE_SESSION_H
#define REMOTE_SESSION_H

#include <stdint.h>

#include "lib/netaddress.h"
#include "lib/stream.h"
#include "net/mailhosts.h"
#include "remote/settings.h"
#include "wire/smtpreply.h"

/*
 * A session with one SMTP server: what was said, what is still to be answered,
 * what the server can do. Replies are counted: one that nobody asked for is
 * nonsense, but for 421, by which a server may leave at any time (RFC 5321,
 * 3.8).
 */
enum phase {
	PHASE_GREETING,
	PHASE_EHLO,
	PHASE_HELO,
	PHASE_LHLO, /* of LMTP (RFC 2033, 4.1) */
	PHASE_RSET,
	PHASE_MAIL,
	PHASE_RCPT,
	PHASE_DATA,
	PHASE_BDAT, /* a chunk that is not the last one */
	PHASE_END,  /* after the text */
	PHASE_QUIT
};

/* What a reply means where it comes. */
enum sense {
	SENSE_YES,
	SENSE_LATER,   /* 4xx */
	SENSE_NEVER,   /* 5xx */
	SENSE_CLOSING, /* 421 */
	SENSE_LOST     /* no reply, or a wrong one; session->failure says what */
};

enum failure {
	FAILURE_CLOSED, /* by the server */
	FAILURE_SILENT, /* nothing, or not all of it, in time */
	FAILURE_BROKEN, /* the connection: session->error */
	FAILURE_NONSENSE,
	FAILURE_MEMORY /* ours */
};

enum extension {
	EXTENSION_PIPELINING = 1,
	EXTENSION_SIZE = 2,
	EXTENSION_8BITMIME = 4,
	EXTENSION_SMTPUTF8 = 8,
	EXTENSION_DSN = 16,
	EXTENSION_CHUNKING = 32
};

enum { SESSION_ADDRESS_MAX = 108 }; /* bytes of an address or of the path of a socket, with a NUL */

struct session {
	int is_open;
	int fd;
	char address[SESSION_ADDRESS_MAX];
	struct mailhost host;
	struct settings const *settings; /* which were read before it was opened */
	int64_t opened, heard;           /* the last reply; clock_monotonic() */
	unsigned extensions;             /* of enum extension */
	uint64_t size_max;               /* of a message; 0: not said */
	uint64_t recipients_max;         /* of a transaction, and */
	uint64_t messages_max;           /* transactions, says the server (RFC 9422); 0: not said */
	uint64_t messages;               /* transactions that were begun */
	unsigned unanswered;             /* commands */
	int needs_reset;                 /* a transaction was left unfinished */
	int chunking_is_broken; /* it was offered and not known, in this session or before */
	int is_trial;           /* nothing is sent: a transaction ends after RCPT */
	enum failure failure;
	int error;
	struct smtpreply reply; /* the last one */
	struct stream stream;
};

/*
 * Connects, and no more, from local unless that is NULL. The settings must stay
 * as they are while the session is open. Returns 0, or -1 with errno.
 */
int session_connect(struct session *session, struct mailhost const *host,
	struct netaddress const *local, struct settings const *settings);

/*
 * The same in parts, for who connects by other means: says with which host the
 * session will be; then that it could not be connected, and why; or that it
 * is, by a blocking socket that becomes the session's.
 */
void session_begin(
	struct session *session, struct mailhost const *host, struct settings const *settings);
void session_not_connected(struct session *session, int error);
void session_connected(struct session *session, int fd);

/*
 * Hears the greeting and says EHLO, or HELO where that is all the server
 * knows or use_helo demands it; or LHLO, by LMTP. *phase says how far it came unless the result
 * is SENSE_YES.
 */
enum sense session_greet(
	struct session *session, char const *name, int use_helo, enum phase *phase);

/* Adds a command, with its line end, to what is sent next. Returns 1, or 0 without memory. */
int session_put(struct session *session, struct span command);

/* Sends what is in session->stream.output. Returns 0, or -1 with session->failure. */
int session_flush(struct session *session);

/*
 * Sends the commands that have been put. Returns 0; or -1 with session->failure, but 0 when
 * the server hung up, since its last reply may still be read.
 */
int session_send(struct session *session);

/* The next reply, to a command of that phase. */
enum sense session_hear(struct session *session, enum phase phase);

/* Whether it may carry one more message: neither the settings nor the server forbid it. */
int session_has_room(struct session const *session);

/*
 * Whether nothing has come that is not yet heard, not even an end. A session in
 * which something was heard within the last second passes without a look at
 * the connection.
 */
int session_is_fresh(struct session *session);

/* The same, with that look. */
int session_is_quiet(struct session *session);

/* Says QUIT, waits for the answer a moment, and closes. Does nothing without a session. */
void session_quit(struct session *session);

/* Closes at once. */
void session_drop(struct session *session);

/* The word for a phase, for people. */
char const *phase_name(enum phase phase);

#endif
