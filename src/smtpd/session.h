#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/stream.h"
#include "service/submit.h"
#include "smtpd/blocklist.h"
#include "smtpd/client.h"
#include "smtpd/reversename.h"
#include "smtpd/settings.h"
#include "smtpd/text.h"
#include "wire/envelope.h"
#include "wire/smtpcommand.h"

/* One conversation with one client. */
enum session_state {
	SESSION_CONNECTED,  /* before HELO or EHLO */
	SESSION_GREETED,    /* no transaction */
	SESSION_MAIL,       /* a sender, no recipient yet */
	SESSION_RECIPIENTS, /* at least one recipient */
	SESSION_CHUNKS,     /* at least one chunk of the text (RFC 3030) */
	SESSION_ENDED       /* the last reply is given */
};

enum {
	SESSION_REFUSALS_LOGGED_MAX = 100,
	SESSION_HELO_MAX = 255,
	SESSION_REPLY_MAX = 510 /* RFC 5321, 4.5.3.1.5, without CR LF */
};

/* From MAIL to the end of the text. */
struct transaction {
	struct smtp_path sender;
	enum body_type body;
	int smtputf8; /* the client says that it needs RFC 6531 */
	int has_utf8_recipient;
	uint64_t size; /* of the text, as the client announces it; 0: it does not */
	uint64_t recipients;
	stralloc wishes;  /* records R and E: what notices the sender wants */
	stralloc records; /* the T records of the recipients, with what belongs to them */
	int64_t begun;    /* clock_monotonic() */
	struct text text;
};

struct session {
	enum session_state state;
	struct settings const *settings;
	struct client client;
	struct transaction transaction;
	struct submit *submit;       /* outlives the session */
	struct reversename *reverse; /* so does the client's name */
	struct blocklist *blocklist; /* and what lists say about its address */
	int extended;                /* greeted with EHLO */
	unsigned errors;             /* 5xx replies since the last accepted message */
	unsigned refusals_logged;
	int is_told;          /* the log has its line of how the session ended */
	char const *reason;   /* of the next refusal, smtpd/reason.h; NULL: as its reply says */
	uint64_t accepted;    /* messages */
	uint64_t messages;    /* begun */
	int64_t accept_until; /* clock_monotonic(): by then a message must be accepted */
	int64_t begun;        /* clock_monotonic() at the greeting */
	char helo[SESSION_HELO_MAX + 1];
	char line[SMTP_LINE_MAX]; /* the command that is being answered */
	struct span command;      /* it, without CR LF */
	struct stream stream;
};

/*
 * Serves a client from the greeting to the end; in and out may be one
 * descriptor and stay the caller's. s->settings, s->client, s->submit,
 * s->reverse and s->blocklist are set, all else is not.
 */
void session_run(struct session *s, int in, int out);

/* Frees what is left of a session. */
void session_free(struct session *s);

/* Forgets the transaction: the one way back to before MAIL. */
void session_reset(struct session *s);

/* Gives a reply of one line, without CR LF. One that refuses (4xx, 5xx) is logged and counted. */
void session_reply(struct session *s, char const *reply);

/* The same, then ends the session. */
void session_end(struct session *s, char const *reply);

/* Ends the session without a word: the client is gone. */
void session_drop(struct session *s, char const *reason);

/*
 * Sends what was replied and waits for more input, until `deadline` of
 * clock_monotonic(). Returns 0; or -1 when there is none, and the session has ended.
 */
int session_fill(struct session *s, int64_t deadline);

#endif
