#ifndef WIRE_PROXYHEADER_H
#define WIRE_PROXYHEADER_H

#include <stddef.h>

#include "lib/netaddress.h"
#include "lib/span.h"

/*
 * What a proxy says before all else about the connection it passes on: the
 * PROXY protocol of HAProxy, version 1 (a line) and version 2 (binary).
 */
enum {
	PROXYHEADER_LINE_MAX = 107, /* of version 1, with CR LF */
	PROXYHEADER_MAX = 4096      /* of version 2 with its extras, which mean nothing here */
};

enum proxyheader_status {
	PROXYHEADER_MORE,   /* so far it may become one */
	PROXYHEADER_CLIENT, /* the connection is that of `client` */
	PROXYHEADER_LOCAL,  /* it is the proxy's own, or one it can say nothing about */
	PROXYHEADER_BAD     /* it is none, or longer than what we read */
};

struct proxyheader {
	size_t len; /* of the header, when it is complete */
	struct netaddress client;
};

/* Looks at all that has arrived so far. Only what follows the first len bytes is the client's. */
enum proxyheader_status proxyheader_parse(struct proxyheader *header, struct span in);

#endif
