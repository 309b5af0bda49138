#ifndef WIRE_QUEUECONTROL_H
#define WIRE_QUEUECONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/order.h"
#include "wire/report.h"

/*
 * What the tools of the queue ask of a running tern-send, over a Unix socket
 * that keeps packets (run/send/socket): a request a packet, and one packet
 * back for each.
 *
 *   an order, ID...   a letter for each id: what became of the order
 *   state, ID...      a letter for each id: where the message is
 *   counts            numbers by name
 *   destinations      the busiest of them, a row each
 *   replies           the last replies of destinations, a row each, newest first
 *
 * An answer without rows is a single NUL, since an empty packet looks like the end.
 *
 * Whoever can connect may ask all of it: the socket's mode says who that is.
 */
#define QUEUECONTROL_SOCKET "run/send/socket"

enum {
	QUEUECONTROL_IDS_MAX = 256, /* of one request */
	QUEUECONTROL_ROWS_MAX = 40, /* of one answer */
	QUEUECONTROL_NAME_MAX = 255,
	QUEUECONTROL_TEXT_MAX = 200,
	QUEUECONTROL_PACKET_MAX = 64 * 1024
};

enum queue_verb { VERB_ORDER, VERB_STATE, VERB_COUNTS, VERB_DESTINATIONS, VERB_REPLIES };

struct queue_request {
	enum queue_verb verb;
	enum order order; /* of VERB_ORDER */
	size_t ids;       /* of VERB_ORDER and VERB_STATE: 1 to QUEUECONTROL_IDS_MAX */
	uint64_t id[QUEUECONTROL_IDS_MAX];
};

/* What became of an order for one message. */
enum order_result {
	ORDER_DONE,    /* '+' */
	ORDER_LATER,   /* 'w': as soon as the deliveries that are under way have ended */
	ORDER_NOTHING, /* '=': it was so already */
	ORDER_UNKNOWN, /* '?': there is no such message */
	ORDER_TROUBLE  /* '!': our own; the log says which */
};

/* Where a message is. */
enum queue_state {
	QUEUE_STATE_UNKNOWN, /* '?' */
	QUEUE_STATE_WAITING, /* '.' */
	QUEUE_STATE_ACTIVE,  /* '*': being worked on */
	QUEUE_STATE_HELD     /* '!' */
};

/* One letter an id. */
char order_result_letter(enum order_result result);
int order_result_parse(enum order_result *result, char letter);
char queue_state_letter(enum queue_state state);
int queue_state_parse(enum queue_state *state, char letter);

/* The numbers. Those that count events count since send was started. */
enum latency { LATENCY_STEPS = 13 };

enum queue_count {
	COUNT_STARTED, /* when send was: seconds since 1970 */
	/* messages, by what send knows of them */
	COUNT_TODO,     /* not yet looked at */
	COUNT_DEFERRED, /* waiting for their time */
	COUNT_ACTIVE,   /* being worked on */
	COUNT_BOUNCE,   /* their senders are being told */
	COUNT_HOLD,
	/* when the oldest of each arrived: seconds since 1970; 0: there is none */
	COUNT_TODO_OLDEST,
	COUNT_DEFERRED_OLDEST,
	COUNT_ACTIVE_OLDEST,
	COUNT_BOUNCE_OLDEST,
	COUNT_HOLD_OLDEST,
	/* jobs under way, and how many may be */
	COUNT_LOCAL_RUNNING,
	COUNT_LOCAL_LIMIT,
	COUNT_REMOTE_RUNNING,
	COUNT_REMOTE_LIMIT,
	/* new messages, by how they came */
	COUNT_RECEIVED_SMTP,
	COUNT_RECEIVED_SENDMAIL,
	COUNT_RECEIVED_BOUNCE,
	COUNT_ENDED, /* messages that left the queue */
	/* recipients tried, by result: in the order of enum verdict */
	COUNT_LOCAL_SUCCESS,
	COUNT_LOCAL_DEFERRAL,
	COUNT_LOCAL_FAILURE,
	COUNT_LOCAL_TROUBLE,
	COUNT_REMOTE_SUCCESS,
	COUNT_REMOTE_DEFERRAL,
	COUNT_REMOTE_FAILURE,
	COUNT_REMOTE_TROUBLE,
	COUNT_BOUNCES_SINGLE,
	COUNT_BOUNCES_DOUBLE,
	COUNT_BOUNCES_DISCARDED,
	/* recipients for whose domain DNS had no use, by why */
	COUNT_DNS_SERVFAIL,
	COUNT_DNS_NXDOMAIN,
	COUNT_DNS_NODATA,
	/* from the arrival of a message to the success of a recipient: the sum, and how many took
	 * at most queue_latency_bound[] */
	COUNT_LOCAL_LATENCY_MILLISECONDS,
	COUNT_REMOTE_LATENCY_MILLISECONDS,
	COUNT_LOCAL_LATENCY,
	COUNT_REMOTE_LATENCY = COUNT_LOCAL_LATENCY + LATENCY_STEPS,
	COUNTS = COUNT_REMOTE_LATENCY + LATENCY_STEPS
};

/* In milliseconds, growing; the last is UINT64_MAX. */
extern uint64_t const queue_latency_bound[LATENCY_STEPS];

struct queue_counts {
	uint64_t value[COUNTS];
};

struct queue_destination {
	int remote;
	struct span name;
	uint64_t running, waiting; /* workers; messages ready for one */
	int unreachable;           /* nobody answered at the last attempt */
};

struct queue_reply {
	uint64_t when; /* seconds since 1970 */
	uint64_t message;
	enum verdict verdict;
	struct span destination, text;
};

struct queue_destinations {
	size_t rows;
	struct queue_destination row[QUEUECONTROL_ROWS_MAX];
};

struct queue_replies {
	size_t rows;
	struct queue_reply row[QUEUECONTROL_ROWS_MAX];
};

/*
 * Append a packet. Return 1, or 0 without memory. Names and texts are cut to
 * their limits and hold no NUL.
 */
int queue_request_format(stralloc *sa, struct queue_request const *request);
int queue_counts_format(stralloc *sa, struct queue_counts const *counts);
int queue_destinations_format(stralloc *sa, struct queue_destinations const *destinations);
int queue_replies_format(stralloc *sa, struct queue_replies const *replies);

/*
 * Read a packet; spans look into s. Return 0, or -1 when it is not one. Counts
 * that are missing are 0, unknown ones are passed over, so that tools and send
 * may be of different age.
 */
int queue_request_parse(struct queue_request *request, char const *s, size_t len);
int queue_counts_parse(struct queue_counts *counts, char const *s, size_t len);
int queue_destinations_parse(struct queue_destinations *destinations, char const *s, size_t len);
int queue_replies_parse(struct queue_replies *replies, char const *s, size_t len);

#endif
