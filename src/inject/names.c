#include "inject/names.h"

#include <stdlib.h>

#include "lib/control.h"

static int
name_load(stralloc *value, char const *variable, char const *file, char const *fallback,
	stralloc *why)
{
	char const *said = getenv(variable);

	if (!said)
		return control_value_read(value, file, fallback, why);
	value->len = 0;
	if (!stralloc_cats(value, said) || !stralloc_0(value))
		return control_complain(why, file, 0, "out of memory", span("", 0));
	value->len--;
	return 0;
}

int
names_load(struct names *n, stralloc *why)
{
	if (control_me(&n->me, why) == -1)
		return -1;
	if (name_load(&n->default_host, "QMAILDEFAULTHOST", "defaulthost", n->me.s, why) == -1 ||
		name_load(&n->default_domain, "QMAILDEFAULTDOMAIN", "defaultdomain", n->me.s,
			why) == -1 ||
		name_load(&n->plus_domain, "QMAILPLUSDOMAIN", "plusdomain", n->me.s, why) == -1 ||
		name_load(&n->id_host, "QMAILIDHOST", "idhost", n->me.s, why) == -1)
		return -1;
	return 0;
}

static int
is_complete(struct names const *n, struct span host)
{
	return span_find(host, '.') < host.len || span_find(host, '[') < host.len ||
	       span_case_equal(host, span(n->me.s, n->me.len)) ||
	       span_case_equal(host, SPAN_LITERAL("localhost"));
}

static int
host_missing(struct names const *n, struct span host, stralloc *suffix, size_t *cut)
{
	char last = host.len ? host.s[host.len - 1] : '\0';
	stralloc const *domain = last == '+' ? &n->plus_domain : &n->default_domain;

	*cut = last == '+' || last == '.';
	if (last == '.' || (last != '+' && is_complete(n, host)))
		return 1;
	return stralloc_catb(suffix, ".", 1) && stralloc_catb(suffix, domain->s, domain->len);
}

int
names_missing(struct names const *n, struct span plain, int has_domain, size_t domain,
	stralloc *suffix, size_t *cut)
{
	size_t host_cut;

	suffix->len = 0;
	*cut = 0;
	if (plain.len == 0)
		return 1;
	if (has_domain)
		return host_missing(n, span(plain.s + domain, plain.len - domain), suffix, cut);
	if (!stralloc_catb(suffix, "@", 1) ||
		!stralloc_catb(suffix, n->default_host.s, n->default_host.len))
		return 0;
	/* The host is in the suffix itself, so what it has too much goes there. */
	stralloc more = STRALLOC_ZERO;
	int r = host_missing(n, span(n->default_host.s, n->default_host.len), &more, &host_cut);
	suffix->len -= host_cut;
	r = r && stralloc_catb(suffix, more.s, more.len);
	stralloc_free(&more);
	return r;
}

int
names_complete(struct names const *n, stralloc *plain)
{
	struct span address = span(plain->s, plain->len);
	size_t at = span_find_last(address, '@');
	stralloc suffix = STRALLOC_ZERO;
	size_t cut;
	int r = names_missing(
		n, address, at < address.len, at < address.len ? at + 1 : at, &suffix, &cut);

	plain->len -= cut;
	r = r && stralloc_catb(plain, suffix.s, suffix.len);
	stralloc_free(&suffix);
	return r;
}

void
names_free(struct names *n)
{
	stralloc_free(&n->me);
	stralloc_free(&n->default_host);
	stralloc_free(&n->default_domain);
	stralloc_free(&n->plus_domain);
	stralloc_free(&n->id_host);
}
