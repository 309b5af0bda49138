#ifndef NET_HOSTORDER_H
#define NET_HOSTORDER_H

#include "net/hosthealth.h"
#include "net/mailhosts.h"

/*
 * In which order the hosts that mailhosts_find has found are tried. They come
 * by rank, equals in random order. The relay that was used last, if there is
 * one, goes behind its equals, so that whoever sends much shares it out evenly.
 * Those that failed lately go behind all others, whatever their rank. now is in
 * seconds since 1970. Returns 1 when the first one has an equal that is as
 * good, so that the load is to be shared; else 0.
 */
int hostorder(struct mailhosts *hosts, struct hosthealth const *health, struct mailhost const *last,
	int64_t now);

/* Whether both are addresses of one relay or host. */
int hostorder_is_same(struct mailhost const *a, struct mailhost const *b);

#endif
