#ifndef SMTPD_DNSBLS_H
#define SMTPD_DNSBLS_H

#include <stdint.h>

#include "lib/control.h"
#include "lib/netaddress.h"
#include "lib/span.h"

/*
 * control/dnsbls: lists in DNS of addresses whose mail is not wanted (RFC
 * 5782), one a line, with those answers of it that count:
 *
 *   zone[:codes]      bl.example.org:2-4,9
 *
 * A code is the x of 127.0.0.x, from 2 to 254; without codes all of these count.
 */
enum { DNSBLS_MAX = 8, DNSBL_ZONE_MAX = 150 };

struct dnsbl {
	struct span zone;
	unsigned char counts[256]; /* which x of 127.0.0.x */
};

struct dnsbls {
	struct control_list list; /* the zones look into it */
	size_t count;
	struct dnsbl dnsbl[DNSBLS_MAX];
};

/* Reads it. Returns 0; or -1 with *why. */
int dnsbls_load(struct dnsbls *dnsbls, stralloc *why);

/* Reads one line. Returns 0, or -1 with *reason, a part of a sentence. */
int dnsbl_parse(struct dnsbl *dnsbl, struct span line, char const **reason);

static inline size_t
dnsbls_count(struct dnsbls const *dnsbls)
{
	return dnsbls->count;
}

void dnsbls_free(struct dnsbls *dnsbls);

/*
 * What one address in an answer means. DNSBL_ALARM: the list does not answer
 * us (127.255.255.x), lists everyone (127.0.0.1; RFC 5782, 5) or is no more one
 * (not in 127.0.0.0/8): that says nothing about the client.
 */
enum dnsbl_meaning { DNSBL_NOTHING, DNSBL_LISTED, DNSBL_ALARM };

enum dnsbl_meaning dnsbl_read(struct dnsbl const *dnsbl, struct netaddress const *answer);

#endif
