#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "lib/netaddress.h"
#include "net/dnscache.h"
#include "wire/dnsmessage.h"

/*
 * Questions to the DNS servers of control/dnsservers (address, address:port,
 * [v6]:port, one a line) or else of /etc/resolv.conf. Blocking, each question
 * within a bounded time. Answers are kept where the caller gives a place for
 * them; the rest is the server's work.
 */
enum {
	RESOLVER_SERVERS_MAX = 8,      /* further ones are an error, in resolv.conf ignored */
	RESOLVER_ROUNDS = 2,           /* how often each server is asked */
	RESOLVER_WAIT = 3000,          /* milliseconds for an answer over UDP */
	RESOLVER_WAIT_TCP = 5000,      /* milliseconds for connection and answer */
	RESOLVER_QUESTION_MAX = 20000, /* milliseconds for one question with all that it takes */
	RESOLVER_STRAYS_MAX = 64,      /* packets that are no answer to our question */
	RESOLVER_PORT = 53
};

struct resolver_server {
	struct netaddress address;
	uint16_t port;
};

struct resolver {
	size_t servers;
	struct resolver_server server[RESOLVER_SERVERS_MAX];
	size_t preferred; /* the server that answered last is asked first */
	/* Unless NULL, called for each question and answer with a line for the log. */
	void (*trace)(void *context, char const *line);
	void *trace_context;
	struct dnscache *cache;   /* where answers are kept, or NULL */
	int unusable;             /* the last question failed since the servers could not be read */
	int unusable_error;       /* why: an errno, or 0 */
	struct dns_answer answer; /* the last one */
	char message[DNS_MESSAGE_MAX];
};

/*
 * Reads which servers to ask; trace and cache are NULL afterwards. The files
 * are needed no more. Returns 0, or -1 with *why and errno, 0 when a line is
 * wrong.
 */
int resolver_open(struct resolver *resolver, stralloc *why);

/*
 * The same, but the files are read when there is something to ask, so that
 * whatever is wrong with them concerns those alone who need DNS: a question is
 * LOOKUP_TEMPORARY then, and unusable says so.
 */
void resolver_open_later(struct resolver *resolver);

enum lookup {
	LOOKUP_FOUND,    /* resolver->answer holds at least one record, or ignored ones */
	LOOKUP_NO_NAME,  /* the name does not exist (NXDOMAIN) */
	LOOKUP_NO_DATA,  /* it exists, without records of this type */
	LOOKUP_TEMPORARY /* no answer to rely on; *why says what happened */
};

/*
 * Asks for the records of a type. Those found are read with
 * dns_answer_next(&resolver->answer, ...) before the next question. CNAMEs are
 * followed, at most DNS_LINKS_MAX. Appends to *why only for LOOKUP_TEMPORARY.
 */
enum lookup resolver_ask(
	struct resolver *resolver, struct dns_name const *name, enum dns_type type, stralloc *why);

#endif
