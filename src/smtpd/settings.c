#include "smtpd/settings.h"

#include <errno.h>
#include <string.h>

#include "lib/control.h"

static void
settings_free(struct settings *settings)
{
	stralloc_free(&settings->me);
	stralloc_free(&settings->greeting);
	stralloc_free(&settings->localiphost);
	domainmap_free(&settings->rcpthosts);
	domainmap_free(&settings->badhelo);
	domainmap_free(&settings->badmailfrom);
	domainmap_free(&settings->badrcptto);
	if (settings->morercpthosts.map)
		cdb_free(&settings->morercpthosts);
	dnsbls_free(&settings->dnsbls);
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
		limits_load(&s->limits, why) == -1 ||
		control_number_read(&s->check_recipients, "recipientcheck", 1, 0, 1, why) == -1 ||
		control_duration_read(&s->reverse_timeout, "timeoutreverse",
			REVERSE_TIMEOUT_DEFAULT, 0, REVERSE_TIMEOUT_MAX, why) == -1)
		return -1;
	return control_number_read(&s->detail, "logdetail", 0, 0, 1, why);
}

/* A table of more domains than one wants to read at each start; made by tern morercpthosts. */
static int
morercpthosts_load(cdb *table, stralloc *why)
{
	static char const name[] = "morercpthosts.cdb";

	if (cdb_init(table, "control/morercpthosts.cdb") || errno == ENOENT)
		return 0;
	return control_complain(why, name, 0, strerror(errno), span("", 0));
}

static int
tables_load(struct settings *s, stralloc *why)
{
	int r = domainmap_load(&s->rcpthosts, "rcpthosts", DOMAINMAP_KEYS, why);

	if (r == -1)
		return -1;
	s->has_rcpthosts = r;
	if (morercpthosts_load(&s->morercpthosts, why) == -1 ||
		domainmap_load(&s->badhelo, "badhelo", DOMAINMAP_KEYS, why) == -1 ||
		domainmap_load(&s->badmailfrom, "badmailfrom", DOMAINMAP_KEYS, why) == -1 ||
		domainmap_load(&s->badrcptto, "badrcptto", DOMAINMAP_KEYS, why) == -1 ||
		dnsbls_load(&s->dnsbls, why) == -1 || domains_load(&s->domains, why) == -1)
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

	if (s->reverse_timeout == 0 && dnsbls_count(&s->dnsbls) == 0)
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
