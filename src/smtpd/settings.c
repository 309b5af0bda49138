#include "smtpd/settings.h"

#include <string.h>

#include "lib/control.h"

enum { TIMEOUT_MAX = 86400 };

static void
settings_free(struct settings *settings)
{
	stralloc_free(&settings->me);
	stralloc_free(&settings->greeting);
	stralloc_free(&settings->localiphost);
	domainmap_free(&settings->rcpthosts);
	domainmap_free(&settings->badmailfrom);
	domains_free(&settings->domains);
	access_free(&settings->access);
	access_free(&settings->proxies);
}

static int
values_load(struct settings *s, stralloc *why)
{
	if (control_me(&s->me, why) == -1 ||
		control_value_read(&s->greeting, "smtpgreeting", s->me.s, why) == -1 ||
		control_value_read(&s->localiphost, "localiphost", s->me.s, why) == -1 ||
		control_number_read(&s->databytes, "databytes", 0, 0, UINT64_MAX / 4, why) == -1 ||
		control_number_read(&s->recipients, "maxrecipients", RECIPIENTS_DEFAULT, 1,
			RECIPIENTS_MAX, why) == -1 ||
		control_duration_read(
			&s->timeout, "timeoutsmtpd", TIMEOUT_DEFAULT, 1, TIMEOUT_MAX, why) == -1 ||
		control_duration_read(&s->reverse_timeout, "timeoutreverse",
			REVERSE_TIMEOUT_DEFAULT, 0, REVERSE_TIMEOUT_MAX, why) == -1)
		return -1;
	return control_number_read(&s->detail, "logdetail", 0, 0, 1, why);
}

static int
tables_load(struct settings *s, stralloc *why)
{
	int r = domainmap_load(&s->rcpthosts, "rcpthosts", DOMAINMAP_KEYS, why);

	if (r == -1)
		return -1;
	s->has_rcpthosts = r;
	if (domainmap_load(&s->badmailfrom, "badmailfrom", DOMAINMAP_KEYS, why) == -1 ||
		domains_load(&s->domains, why) == -1)
		return -1;
	if (access_load_addresses(&s->proxies, "proxyhosts", why) == -1)
		return -1;
	return access_load(&s->access, why);
}

/* Only the first ones: what is asked here can also stay unanswered. */
static int
dns_load(struct settings *s, stralloc *why)
{
	static struct resolver resolver;

	if (s->reverse_timeout == 0)
		return 0;
	if (resolver_open(&resolver, why) == -1)
		return -1;
	s->dns_servers = resolver.servers < SETTINGS_DNS_MAX ? resolver.servers : SETTINGS_DNS_MAX;
	memcpy(s->dns, resolver.server, s->dns_servers * sizeof s->dns[0]);
	return 0;
}

int
settings_load(struct settings *settings, stralloc *why)
{
	struct settings fresh = SETTINGS_ZERO;

	if (values_load(&fresh, why) == -1 || tables_load(&fresh, why) == -1 ||
		dns_load(&fresh, why) == -1) {
		settings_free(&fresh);
		return -1;
	}
	settings_free(settings);
	*settings = fresh;
	return 0;
}
