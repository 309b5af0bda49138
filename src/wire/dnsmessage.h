#ifndef WIRE_DNSMESSAGE_H
#define WIRE_DNSMESSAGE_H

#include <stdint.h>

#include "lib/netaddress.h"
#include "lib/span.h"

/*
 * DNS messages (RFC 1035, 4): the question we send and the answer that comes
 * back. An answer is a stranger's: what does not parse as a whole is no
 * answer; a record whose name is not plain text is counted and passed over.
 */
enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5
};

enum {
	DNS_LABEL_MAX = 63,
	DNS_NAME_MAX = 255,         /* bytes of a name in a message, with its last 0 */
	DNS_NAME_TEXT_MAX = 253,    /* characters of a name as text */
	DNS_POINTERS_MAX = 126,     /* compression pointers followed in one name */
	DNS_LINKS_MAX = 10,         /* CNAMEs followed for one question */
	DNS_UDP_PAYLOAD = 1232,     /* what we say that we take (EDNS0, RFC 6891) */
	DNS_QUERY_MAX = 512,        /* the longest question */
	DNS_MESSAGE_MAX = 64 * 1024 /* over TCP */
};

/*
 * A name as text, "mx.example.org", without the last dot, ended by a NUL that
 * len does not count; the root is "". Printable ASCII only.
 */
struct dns_name {
	size_t len;
	char text[DNS_NAME_TEXT_MAX + 1];
};

/*
 * Takes a name from a person or an address; one dot at its end is cut off.
 * Returns 0, or -1 when it can not be a name in DNS: too long, an empty label,
 * a byte that is not printable ASCII.
 */
int dns_name_parse(struct dns_name *name, struct span text);

/*
 * The name that stands for an address in a zone: its bytes backwards, in
 * decimal, or for IPv6 its half bytes in hexadecimal (RFC 1035, 3.5; RFC 3596,
 * 2.5; RFC 5782, 2). Returns 0, or -1 when it gets too long.
 */
int dns_name_reverse(struct dns_name *name, struct netaddress const *address, struct span zone);

/*
 * Writes a recursive question for the name. edns adds the OPT record that
 * allows long answers; a few old servers need to be asked without. Returns its
 * length.
 */
size_t dns_query_format(char query[DNS_QUERY_MAX], uint16_t id, struct dns_name const *name,
	enum dns_type type, int edns);

struct dns_answer {
	enum dns_type type;   /* that was asked for */
	enum dns_rcode rcode; /* other values than those above occur */
	int truncated;        /* ask again over TCP; the rest means nothing */
	int referral;         /* from a server that neither recurses nor knows: no answer at all */
	int authentic;        /* the server says that it has validated it (the AD bit) */
	struct dns_name name; /* the name asked, or where its CNAMEs lead */
	unsigned links;       /* how many CNAMEs that took */
	uint32_t ttl;         /* seconds: the least of the CNAMEs and records */
	unsigned records;     /* of this type at that name */
	unsigned ignored;     /* further ones whose names are not plain text */
	struct span message;  /* for dns_answer_next */
	size_t position;
	unsigned left;
};

/*
 * Parses the answer to a question. It looks into s. Returns 0, or -1 when it
 * is no answer to it: another id or question, not a response, cut off,
 * a name with a loop or beyond its limits, more than DNS_LINKS_MAX CNAMEs,
 * or data of a wrong length for its type.
 */
int dns_answer_parse(struct dns_answer *answer, char const *s, size_t len, uint16_t id,
	struct dns_name const *name, enum dns_type type);

/*
 * How many seconds a parsed answer may be believed, before the first
 * dns_answer_next: its least TTL; of one that says there is nothing what the
 * SOA record beside it allows (RFC 2308, 5). 0 when it may not be kept at all.
 */
uint32_t dns_answer_lifetime(struct dns_answer const *answer);

struct dns_record {
	uint32_t ttl;
	uint16_t preference;  /* MX */
	struct dns_name name; /* MX, PTR, CNAME */
	struct span data; /* A: 4 bytes; AAAA: 16; TXT, TLSA: as RFC 1035 and RFC 6698 have it */
};

/* Steps through the records of a parsed answer. Returns 1, or 0 after the last. */
int dns_answer_next(struct dns_answer *answer, struct dns_record *record);

#endif
