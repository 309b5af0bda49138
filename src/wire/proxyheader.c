#include "wire/proxyheader.h"

#include "lib/number.h"

/* Version 2: a signature, version and command, family and protocol, a length, addresses. */
static struct span const signature = {"\r\n\r\n\0\r\nQUIT\n", 12};

enum {
	FIXED = 16, /* bytes before the addresses */
	VERSION_2_LOCAL = 0x20,
	VERSION_2_PROXY = 0x21,
	FAMILY_IPV4 = 1,
	FAMILY_IPV6 = 2,
	STREAM = 1,
	ADDRESSES_IPV4 = 12,
	ADDRESSES_IPV6 = 36
};

static int
begins_like(struct span in, struct span text)
{
	size_t len = in.len < text.len ? in.len : text.len;

	return memcmp(in.s, text.s, len) == 0;
}

static struct span
word_next(struct span *rest)
{
	return span_cut(rest, ' ');
}

static int
is_port(struct span word)
{
	uint64_t port;

	return word.len <= 5 && number_parse(word, 65535, &port) == 0;
}

/* TCP4 or TCP6, two addresses, two ports. */
static enum proxyheader_status
line_addresses(struct proxyheader *header, struct span family, struct span rest)
{
	int v6 = span_equal(family, SPAN_LITERAL("TCP6"));
	struct span client = word_next(&rest), server = word_next(&rest);
	struct span client_port = word_next(&rest);
	struct netaddress other;

	if (!v6 && !span_equal(family, SPAN_LITERAL("TCP4")))
		return PROXYHEADER_BAD;
	if ((span_find(client, ':') < client.len) != v6 ||
		(span_find(server, ':') < server.len) != v6 ||
		netaddress_parse(&header->client, client) == -1 ||
		netaddress_parse(&other, server) == -1 || !is_port(client_port) || !is_port(rest))
		return PROXYHEADER_BAD;
	return PROXYHEADER_CLIENT;
}

static enum proxyheader_status
line_parse(struct proxyheader *header, struct span in)
{
	size_t end = span_find(in, '\n');
	struct span rest, family;

	if (end >= PROXYHEADER_LINE_MAX)
		return PROXYHEADER_BAD;
	if (end == in.len)
		return PROXYHEADER_MORE;
	if (end == 0 || in.s[end - 1] != '\r')
		return PROXYHEADER_BAD;
	header->len = end + 1;
	rest = span(in.s, end - 1);
	word_next(&rest); /* PROXY */
	family = word_next(&rest);
	if (span_equal(family, SPAN_LITERAL("UNKNOWN")))
		return PROXYHEADER_LOCAL;
	return line_addresses(header, family, rest);
}

static enum proxyheader_status
binary_addresses(struct proxyheader *header, unsigned char family, struct span addresses)
{
	unsigned protocol = family & 15;

	switch (family >> 4) {
	case FAMILY_IPV4:
		if (addresses.len < ADDRESSES_IPV4 || protocol != STREAM)
			return PROXYHEADER_BAD;
		netaddress_of_bytes(&header->client, span(addresses.s, 4));
		return PROXYHEADER_CLIENT;
	case FAMILY_IPV6:
		if (addresses.len < ADDRESSES_IPV6 || protocol != STREAM)
			return PROXYHEADER_BAD;
		netaddress_of_bytes(&header->client, span(addresses.s, 16));
		return PROXYHEADER_CLIENT;
	default: return PROXYHEADER_LOCAL; /* not of the network, as far as it knows */
	}
}

static enum proxyheader_status
binary_parse(struct proxyheader *header, struct span in)
{
	unsigned char const *bytes = (unsigned char const *)in.s;
	size_t len;

	if (in.len > 12 && bytes[12] != VERSION_2_LOCAL && bytes[12] != VERSION_2_PROXY)
		return PROXYHEADER_BAD;
	if (in.len < FIXED)
		return PROXYHEADER_MORE;
	len = (size_t)bytes[14] << 8 | bytes[15];
	if (FIXED + len > PROXYHEADER_MAX)
		return PROXYHEADER_BAD;
	if (in.len < FIXED + len)
		return PROXYHEADER_MORE;
	header->len = FIXED + len;
	if (bytes[12] == VERSION_2_LOCAL)
		return PROXYHEADER_LOCAL;
	return binary_addresses(header, bytes[13], span(in.s + FIXED, len));
}

enum proxyheader_status
proxyheader_parse(struct proxyheader *header, struct span in)
{
	if (in.len == 0)
		return PROXYHEADER_MORE;
	if (begins_like(in, signature))
		return in.len < signature.len ? PROXYHEADER_MORE : binary_parse(header, in);
	if (begins_like(in, SPAN_LITERAL("PROXY ")))
		return line_parse(header, in);
	return PROXYHEADER_BAD;
}
