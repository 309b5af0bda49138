#ifndef NET_HOSTSEARCH_H
#define NET_HOSTSEARCH_H

#include <stdint.h>

#include "net/mailhosts.h"

/*
 * A part of mailhosts: from hosts in order of preference to their addresses.
 */
struct candidate {
	struct dns_name name;
	uint16_t port;   /* 0: the name is the path of a Unix socket */
	uint16_t order;  /* a preference or rank: lower ones first */
	uint32_t random; /* decides among equals */
	enum relay_protocol protocol;
};

/* The best hosts so far, in order. */
struct candidates {
	size_t length;
	struct candidate entry[MAILHOSTS_NAMES_MAX];
};

/* Puts it in its place; when there are too many, the worst one is left out. */
void candidates_add(struct candidates *candidates, struct dns_name const *name, uint16_t port,
	uint16_t order, enum relay_protocol protocol);

/* Drops those of this order and after it. */
void candidates_cut(struct candidates *candidates, unsigned order);

struct host_search {
	struct mailhosts *list; /* what was found */
	size_t list_max;
	size_t host_max; /* addresses of one host */
	struct resolver *resolver;
	struct mailhosts_settings const *settings;
	struct route const *route; /* may be NULL */
	int any_address;           /* the administrator named the hosts: take whatever they have */
	int64_t deadline;          /* for all questions */
	int troubled;              /* DNS failed: what was not found may be there all the same */
	stralloc trouble;          /* how, the first time */
	int exists;                /* a name existed */
	int dropped;               /* there were addresses, but unusable ones */
	int bound;                 /* there were addresses, but not of the family of bind= */
	int loop; /* a host was ourselves: the list ends before it and its equals */
};

/* Notes that DNS failed. */
void host_search_trouble(struct host_search *search, struct span text);

/* Tells who wants to know. */
void host_search_note(struct host_search *search, char const *line);

/* Whether mail may go to this address; notes in the search why not. */
int host_search_usable(struct host_search *search, struct netaddress const *address);

/* Appends the addresses of the candidates to the list. */
void host_search_run(struct host_search *search, struct candidates const *candidates);

#endif
