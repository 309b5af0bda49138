#include "smtpd/policy.h"

#include <string.h>
#include <sys/socket.h>

/* Replaces all from offset on. Returns 0, or -1 when it gets too long. */
static int
path_replace(struct smtp_path *path, size_t offset, struct span text)
{
	if (offset + text.len >= sizeof path->address)
		return -1;
	memcpy(path->address + offset, text.s, text.len);
	path->len = offset + text.len;
	return 0;
}

static struct span
path_span(struct smtp_path const *path)
{
	return span(path->address, path->len);
}

/* control/badmailfrom: whole addresses, or @domain. */
static int
is_bad_sender(struct session const *s, struct smtp_path const *path)
{
	struct domainmap const *bad = &s->settings->badmailfrom;
	struct domainmap_entry entry;

	return domainmap_exact(bad, path_span(path), &entry) ||
	       (path->local < path->len &&
		       domainmap_exact(bad,
			       span(path->address + path->local, path->len - path->local), &entry));
}

char const *
policy_sender(struct session *s, struct smtp_path const *path)
{
	if (path->len == 0)
		return NULL;
	if (is_bad_sender(s, path))
		return "553 5.7.1 mail from this sender is not taken";
	if (path->local == path->len && !s->client.relay)
		return "553 5.1.8 the sender's address needs a domain";
	return NULL;
}

/* Whether the domain is [the address that the client has connected to]. */
static int
is_own_literal(struct session const *s, struct span domain)
{
	struct sockaddr_storage socket;
	struct netaddress own, named;
	struct span inner;

	if (domain.len < 3 || domain.s[0] != '[' || s->client.socket == -1)
		return 0;
	inner = span(domain.s + 1, domain.len - 2);
	if (span_case_starts(inner, SPAN_LITERAL("IPv6:")))
		inner = span(inner.s + 5, inner.len - 5);
	if (netaddress_parse(&named, inner) == -1 ||
		getsockname(s->client.socket, (struct sockaddr *)&socket,
			&(socklen_t){sizeof socket}) == -1 ||
		netaddress_of_socket(&own, &socket) == -1)
		return 0;
	return memcmp(own.bytes, named.bytes, sizeof own.bytes) == 0;
}

static int
is_accepted_domain(struct settings const *settings, struct span domain)
{
	struct domainmap_entry entry;

	if (settings->has_rcpthosts)
		return domainmap_find(&settings->rcpthosts, domain, &entry);
	return domains_is_ours(&settings->domains, domain);
}

/* A local part that some later server may take for a route to a third one. */
static int
is_routed(struct smtp_path const *path)
{
	for (size_t i = 0; i < path->local; i++)
		if (strchr("@%!", path->address[i]))
			return 1;
	return 0;
}

/* The name postmaster needs no domain (RFC 5321, 4.5.1), and then it is ours. */
static int
is_bare_postmaster(struct smtp_path const *path)
{
	return path->local == path->len &&
	       span_case_equal(path_span(path), SPAN_LITERAL("postmaster"));
}

char const *
policy_recipient(struct session *s, struct smtp_path *path)
{
	static char const too_long[] = "501 5.1.3 this address is too long";
	struct settings const *settings = s->settings;

	if (path->len == 0)
		return "501 5.1.3 a recipient can not be empty";
	if (is_bare_postmaster(path)) {
		if (path_replace(path, path->len, SPAN_LITERAL("@")) == -1 ||
			path_replace(path, path->len, span(settings->me.s, settings->me.len)) == -1)
			return too_long;
		return NULL;
	}
	if (is_own_literal(s, smtp_path_domain(path)) &&
		path_replace(path, path->local + 1,
			span(settings->localiphost.s, settings->localiphost.len)) == -1)
		return too_long;
	if (s->client.relay)
		return path_replace(path, path->len, s->client.added) == -1 ? too_long : NULL;
	if (path->local == path->len)
		return "553 5.1.3 the recipient's address needs a domain";
	if (is_routed(path) || !is_accepted_domain(settings, smtp_path_domain(path)))
		return "553 5.7.1 this server does not take your mail for that address";
	return NULL;
}
