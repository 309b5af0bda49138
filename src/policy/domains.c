#include "policy/domains.h"

static int
parts_load(struct domains *d, stralloc *why)
{
	int r;

	if (control_me(&d->me, why) == -1 ||
		control_value_read(&d->envnoathost, "envnoathost", d->me.s, why) == -1)
		return -1;
	r = domainmap_load(&d->locals, "locals", DOMAINMAP_KEYS, why);
	if (r == -1)
		return -1;
	d->me_is_local = r == 0;
	if (domainmap_load(&d->virtualdomains, "virtualdomains", DOMAINMAP_VALUES, why) == -1 ||
		domainmap_load(&d->percenthack, "percenthack", DOMAINMAP_KEYS, why) == -1)
		return -1;
	return 0;
}

int
domains_load(struct domains *domains, stralloc *why)
{
	struct domains fresh = DOMAINS_ZERO;

	if (parts_load(&fresh, why) == -1) {
		domains_free(&fresh);
		return -1;
	}
	domains_free(domains);
	*domains = fresh;
	return 0;
}

static int
local_find(struct domains const *d, struct span domain, struct domains_reason *reason)
{
	struct domainmap_entry entry = {.line = 1};

	if (d->me_is_local ? !span_case_equal(domain, span(d->me.s, d->me.len))
			   : !domainmap_exact(&d->locals, domain, &entry))
		return 0;
	*reason = (struct domains_reason){d->me_is_local ? "me" : "locals", entry.line};
	return 1;
}

static struct span
domain_of(stralloc const *address)
{
	size_t at = span_find_last(span(address->s, address->len), '@');

	return span(address->s + at + 1, address->len - at - 1);
}

/* user%domain@here means user@domain, where `here` is in percenthack. */
static struct span
percent_rewrite(struct domains const *d, stralloc *address)
{
	struct domainmap_entry entry;
	struct span domain = domain_of(address);

	while (domainmap_exact(&d->percenthack, domain, &entry)) {
		size_t at = (size_t)(domain.s - address->s) - 1;
		size_t percent = span_find_last(span(address->s, at), '%');

		if (percent == at)
			break;
		address->len = at;
		address->s[percent] = '@';
		domain = domain_of(address);
	}
	return domain;
}

/* The whole address, then the domain, its suffixes and the empty key. */
static int
virtual_find(struct domains const *d, struct span address, struct span domain,
	struct domainmap_entry *entry)
{
	return domainmap_exact(&d->virtualdomains, address, entry) ||
	       domainmap_find(&d->virtualdomains, domain, entry);
}

/* Whether a virtual domain has it, and which prefix it gets. */
static int
prefix_find(struct domains const *d, struct span address, struct span domain, struct span *prefix,
	struct domains_reason *reason)
{
	struct domainmap_entry entry;

	if (!virtual_find(d, address, domain, &entry))
		return 0;
	*reason = (struct domains_reason){"virtualdomains", entry.line};
	*prefix = entry.value;
	return prefix->len > 0;
}

int
domains_explain(struct domains const *d, struct span recipient, stralloc *address,
	struct span *domain, struct domains_reason *reason)
{
	struct span prefix;
	int kind = ADDRESS_REMOTE;

	*reason = (struct domains_reason){NULL, 0};
	address->len = 0;
	if (!stralloc_catb(address, recipient.s, recipient.len))
		return -1;
	if (span_find_last(recipient, '@') == recipient.len &&
		(!stralloc_catb(address, "@", 1) ||
			!stralloc_catb(address, d->envnoathost.s, d->envnoathost.len)))
		return -1;
	*domain = percent_rewrite(d, address);
	if (local_find(d, *domain, reason)) {
		kind = ADDRESS_LOCAL;
	} else if (prefix_find(d, span(address->s, address->len), *domain, &prefix, reason)) {
		if (!stralloc_insertb(address, 0, "-", 1) ||
			!stralloc_insertb(address, 0, prefix.s, prefix.len))
			return -1;
		kind = ADDRESS_LOCAL;
	}
	if (!stralloc_0(address))
		return -1;
	address->len--;
	*domain = domain_of(address);
	return kind;
}

int
domains_route(
	struct domains const *d, struct span recipient, stralloc *address, struct span *domain)
{
	struct domains_reason reason;

	return domains_explain(d, recipient, address, domain, &reason);
}

int
domains_is_ours(struct domains const *d, struct span domain)
{
	struct domainmap_entry entry;
	struct domains_reason reason;

	return local_find(d, domain, &reason) ||
	       (domainmap_find(&d->virtualdomains, domain, &entry) && entry.value.len &&
		       entry.key.len);
}

void
domains_free(struct domains *d)
{
	stralloc_free(&d->me);
	stralloc_free(&d->envnoathost);
	domainmap_free(&d->locals);
	domainmap_free(&d->virtualdomains);
	domainmap_free(&d->percenthack);
}
