#ifndef SEND_MESSAGE_H
#define SEND_MESSAGE_H

#include <stdint.h>
#include <sys/types.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include "send/agenda.h"
#include "spool/entry.h"
#include "wire/delivery.h"
#include "wire/notice.h"
#include "wire/order.h"
#include "wire/report.h"

/*
 * A message that is being worked on. It is loaded when something of it is due,
 * its recipients are sorted into batches, and when all of these have come back
 * it is settled: removed, bounced, or put back on the agenda.
 */
struct message {
	uint64_t id;
	struct entry entry; /* fd is -1 while it is not needed */
	stralloc history;   /* as it was read; the deliveries look into it */
	struct delivery_list deliveries;
	unsigned batches;   /* that have not come back, */
	stralloc busy;      /* a byte for each recipient: it is in one of them */
	uint64_t again;     /* when another one is due meanwhile; UINT64_MAX: none will be */
	unsigned is_fresh;  /* 1: it was never tried before it was loaded; else 0 */
	int has_history;    /* there is a file */
	int history_torn;   /* its last line has no end */
	int unwritten_done; /* some unwritten lines say that a recipient is done */
	int unsynced;       /* some lines that say so are not yet durable, */
	int unsynced_name;  /* nor is the name of the file */
	stralloc unwritten; /* lines for the history that are not yet in the file */
	int is_ordered;     /* what an administrator wants, to be done when all batches are back: */
	enum order order;
	uid_t order_by;
	enum notice_kind notice; /* that tern-bounce was asked for */
	uint64_t notice_after;   /* seconds since 1970: what is to be told waits so long; 0: it does
				    not */
	struct message *next_unsynced, *next_stuck, *next_bounce;
	struct message *next_loaded, **at_loaded; /* the list of all, and the link to this one */
};

struct destination;

/* The recipients of one message that go to one destination, in the envelope's order. */
struct batch {
	struct message *message;
	struct destination *destination;
	struct batch *next;
	genalloc numbers;       /* uint32_t: their places in the envelope */
	stralloc addresses;     /* each ended by a NUL */
	size_t taken;           /* how many of them were given to a worker and came back */
	size_t addresses_taken; /* bytes */
};

/* How many messages are loaded. */
extern unsigned messages_loaded;

/* They, linked by next_loaded; and whether the one of this id is among them. */
extern struct message *messages_first;
int message_is_loaded(uint64_t id);

/* Whether no further delivery of it may start: it is held, or an order waits for it to settle. */
int message_is_halted(struct message const *m);

/*
 * Loads a message that is due; what is due of it is handed to its
 * destinations. A new one has no history; of one that is forced every pending
 * recipient is due. The id is known (idset) and on no agenda.
 */
void message_load(uint64_t id, enum agenda_reason reason);

/*
 * Loads it for an order, whatever is due. Returns NULL when that can not be
 * done: *result says why, and the id is where it was.
 */
struct message *message_fetch(uint64_t id, enum entry_result *result);

/* Applies the order to its state and history. Returns as order_apply. */
int message_order(struct message *m, enum order order, uid_t by);

/* Puts back what was fetched: to where its state says; or just away, when its id waits somewhere.
 */
void message_put_back(struct message *m, int waits_elsewhere);

/*
 * Whether a pending recipient is to be tried at `now`: its time has come, or the
 * clock must have been wrong when that was chosen, since it is so far away or
 * was chosen in what is the future now.
 */
int message_recipient_is_due(struct delivery const *d, uint64_t now);

/* The clock was set back by `seconds`: what is loaded waits as long as before. */
void message_clock_back(uint64_t seconds);

/* What was said of a recipient, by whom. */
struct said {
	enum verdict verdict;
	enum handover handover; /* when DELIVERED */
	struct span host, address, text;
};

/* Takes what was said of one recipient of a batch, by its place in the batch. */
void message_result(struct batch *batch, size_t place, struct said const *said);

/* Ends the results of one job. */
void message_results_end(struct message *m);

/* Marks those that such a notice is about as told to the sender; the text says how. */
void message_results_told(struct message *m, enum notice_kind kind, struct span text);

/* The batch is through: settles its message when it was the last one. Frees the batch. */
void message_batch_end(struct batch *batch);

/* The answer of tern-bounce for this message. */
void message_bounced(struct message *m, enum verdict verdict, struct span text);

/* Opens the entry's file again where it was closed. Returns 0, or -1 with errno. */
int message_reopen(struct message *m);

/* Once in a while: settles the messages whose history could not be written. */
void message_stuck_retry(void);

#endif
