#include "smtpd/policy.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "service/service.h"
#include "smtpd/blocklist.h"
#include "smtpd/log.h"
#include "smtpd/mailbox.h"

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

/* control/badmailfrom and badrcptto: whole addresses, @domain, and .suffix of a domain. */
static int
is_listed(struct domainmap const *list, struct smtp_path const *path)
{
	struct domainmap_entry entry;

	if (list->entries == 0)
		return 0;
	if (domainmap_exact(list, path_span(path), &entry))
		return 1;
	for (size_t i = path->local; i < path->len; i++)
		if ((path->address[i] == '.' || i == path->local) &&
			domainmap_exact(list, span(path->address + i, path->len - i), &entry))
			return 1;
	return 0;
}

static char const *
refuse(struct session *s, char const *reason, char const *reply)
{
	s->reason = reason;
	return reply;
}

/* Whether there is room for one more in what the client may have at a time. */
static int
may_have(struct session const *s, enum rate rate)
{
	return s->client.unlimited || service_take(rate);
}

char const *
policy_helo(struct session *s, struct span name)
{
	struct domainmap_entry entry;

	if (!s->client.relay && domainmap_find(&s->settings->badhelo, name, &entry))
		return refuse(s, "helo", "550 5.7.1 mail from a host of this name is not taken");
	return NULL;
}

static char const *
messages_check(struct session *s)
{
	uint64_t most = s->settings->limits.messages;

	if (most && !s->client.unlimited && s->messages >= most)
		return refuse(s, "limit",
			"452 4.7.1 no more messages on this connection; make another one");
	if (!submit_has_room(s->submit, s->transaction.size))
		return "452 4.3.1 the queue has too little room for this message now";
	if (!may_have(s, RATE_MESSAGES))
		return refuse(s, "rate",
			"450 4.7.1 too many messages from your address; try again later");
	s->messages++;
	return NULL;
}

char const *
policy_sender(struct session *s, struct smtp_path const *path)
{
	if (path->len && is_listed(&s->settings->badmailfrom, path))
		return refuse(s, "sender", "553 5.7.1 mail from this sender is not taken");
	if (path->len && path->local == path->len && !s->client.relay)
		return "553 5.1.8 the sender's address needs a domain";
	return messages_check(s);
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

/* control/morercpthosts.cdb: the domain, or a suffix of it. Returns 1, 0, or -1 when it is broken.
 */
static int
is_in_table(cdb const *table, struct span domain)
{
	char lower[ADDRESS_LIMIT];
	cdb_data data;
	int r = 0;

	if (!table->map || domain.len >= sizeof lower)
		return 0;
	for (size_t i = 0; i < domain.len; i++) {
		char c = domain.s[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	for (size_t i = 0; r == 0 && i < domain.len; i++)
		if (i == 0 || lower[i] == '.')
			r = cdb_find(table, &data, lower + i, (uint32_t)(domain.len - i));
	return r;
}

/* Returns 1, 0, or -1 when it can not be said. */
static int
is_accepted_domain(struct settings const *settings, struct span domain)
{
	struct domainmap_entry entry;

	if (settings->has_rcpthosts ? domainmap_find(&settings->rcpthosts, domain, &entry)
				    : domains_is_ours(&settings->domains, domain))
		return 1;
	return is_in_table(&settings->morercpthosts, domain);
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

/* What lists of addresses say: of those that can not be asked the log tells. */
static char const *
blocklist_check(struct session *s)
{
	static char reply[SESSION_REPLY_MAX];
	struct span zone;
	size_t i = 0;
	int is_alarm;

	if (s->client.unlimited || !s->client.known)
		return NULL;
	zone = blocklist_get(s->blocklist);
	if (zone.len) {
		snprintf(reply, sizeof reply, "554 5.7.1 your address %s is listed by %.*s",
			s->client.ip, (int)zone.len, zone.s);
		return refuse(s, "blocklist", reply);
	}
	while (blocklist_trouble(s->blocklist, &i, &zone, &is_alarm)) {
		log_begin(s, "alarm");
		log_text("list", zone);
		log_word("what", is_alarm ? "unusable" : "silent");
		log_end();
	}
	return NULL;
}

/* Whether there is such a mailbox, as far as this machine knows. */
static char const *
mailbox_check(struct session *s, struct smtp_path const *path)
{
	struct span why;

	if (!s->settings->check_recipients)
		return NULL;
	switch (mailbox_verify(s->settings, path_span(path), &why)) {
	case VERIFICATION_YES: return NULL;
	case VERIFICATION_NO: return "550 5.1.1 there is no mailbox of this name here";
	case VERIFICATION_TROUBLE: break;
	}
	log_begin(s, "trouble");
	log_text("what", SPAN_LITERAL("unable to verify a recipient"));
	log_text("why", why);
	log_end();
	return refuse(
		s, "lookup", "451 4.3.0 this address can not be looked up now; try again later");
}

/* A stranger's recipient: ours, wanted and there. What costs most comes last. */
static char const *
stranger_check(struct session *s, struct smtp_path *path)
{
	char const *refusal;
	int is_ours;

	if (path->local == path->len)
		return "553 5.1.3 the recipient's address needs a domain";
	is_ours = is_routed(path) ? 0 : is_accepted_domain(s->settings, smtp_path_domain(path));
	if (is_ours == -1)
		return refuse(s, "system", "451 4.3.5 control/morercpthosts.cdb can not be read");
	if (!is_ours)
		return refuse(s, "relay",
			"553 5.7.1 this server does not take your mail for that address");
	refusal = blocklist_check(s);
	return refusal ? refusal : mailbox_check(s, path);
}

char const *
policy_recipient(struct session *s, struct smtp_path *path)
{
	static char const too_long[] = "501 5.1.3 this address is too long";
	struct settings const *settings = s->settings;

	if (path->len == 0)
		return "501 5.1.3 a recipient can not be empty";
	if (!may_have(s, RATE_RECIPIENTS))
		return refuse(s, "rate",
			"450 4.7.1 too many recipients from your address; try again later");
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
	if (is_listed(&settings->badrcptto, path))
		return refuse(s, "recipient", "550 5.7.1 mail to this address is not taken");
	if (s->client.relay)
		return path_replace(path, path->len, s->client.added) == -1 ? too_long : NULL;
	return stranger_check(s, path);
}
