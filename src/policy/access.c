#include "policy/access.h"

#include <string.h>

#include "lib/number.h"

/* All bits of an address from the given one on become 0 in low and 1 in high. */
static void
range_from(struct access_rule *rule, unsigned bits)
{
	rule->bits = (int)bits;
	for (unsigned i = bits; i < 128; i++) {
		unsigned char bit = (unsigned char)(0x80 >> (i % 8));

		rule->low.bytes[i / 8] &= (unsigned char)~bit;
		rule->high.bytes[i / 8] |= bit;
	}
}

/* "192.0.2.1/24" after its address has been read into both ends of the range. */
static int
network_parse(struct access_rule *rule, struct span bits, char const **reason)
{
	int v4 = netaddress_is_v4(&rule->low);
	struct netaddress given = rule->low;
	uint64_t n;

	if (number_parse(bits, v4 ? 32 : 128, &n) == -1) {
		*reason = "a network ends in / and its number of bits";
		return -1;
	}
	range_from(rule, (unsigned)n + (v4 ? 96 : 0));
	if (memcmp(given.bytes, rule->low.bytes, sizeof given.bytes) != 0) {
		*reason = "the address has bits outside of its network";
		return -1;
	}
	return 0;
}

/* "7" or "7-9". */
static int
bytes_parse(struct span text, uint64_t *low, uint64_t *high)
{
	size_t dash = span_find(text, '-');

	if (number_parse(span(text.s, dash), 255, low) == -1)
		return -1;
	*high = *low;
	if (dash == text.len)
		return 0;
	text = span(text.s + dash + 1, text.len - dash - 1);
	return number_parse(text, 255, high) == -1 || *high < *low ? -1 : 0;
}

/* "10.", "192.0.2.1-8", "10.2-3.": one to four numbers, the last one perhaps a range. */
static int
prefix_parse(struct access_rule *rule, struct span text)
{
	unsigned numbers = 0;
	int open = text.len && text.s[text.len - 1] == '.';

	if (open)
		text.len--;
	netaddress_parse(&rule->low, SPAN_LITERAL("0.0.0.0"));
	rule->high = rule->low;
	while (text.len) {
		struct span part = span_cut(&text, '.');
		uint64_t low, high;

		if (numbers == 4 || bytes_parse(part, &low, &high) == -1 ||
			(low != high && text.len))
			return -1;
		rule->low.bytes[12 + numbers] = (unsigned char)low;
		rule->high.bytes[12 + numbers++] = (unsigned char)high;
	}
	if (numbers == 0 || open != (numbers < 4))
		return -1;
	range_from(rule, 96 + 8 * numbers);
	return 0;
}

static int
address_parse(struct access_rule *rule, struct span text, char const **reason)
{
	struct span address = text, bits;
	size_t slash = span_find(text, '/');

	if (text.len == 0) {
		range_from(rule, 0);
		rule->bits = -1;
		return 0;
	}
	if (text.s[0] == '=' || memchr(text.s, '@', text.len)) {
		*reason = "names of hosts and users are not supported here, only addresses";
		return -1;
	}
	bits = slash == text.len ? span("", 0) : span(text.s + slash + 1, text.len - slash - 1);
	address.len = slash;
	if (address.len > 2 && address.s[0] == '[' && address.s[address.len - 1] == ']')
		address = span(address.s + 1, address.len - 2);
	if (netaddress_parse(&rule->low, address) == 0) {
		rule->high = rule->low;
		rule->bits = 128;
		return slash == text.len ? 0 : network_parse(rule, bits, reason);
	}
	if (slash == text.len && prefix_parse(rule, text) == 0)
		return 0;
	*reason = "this is not an address, a prefix that ends in a dot, a range or a network";
	return -1;
}

/*
 * Takes NAME="value" off *rest, where the quote may be any character but =, as
 * in tcprules. Returns 1, 0 at the end, or -1.
 */
static int
variable_next(struct span *rest, struct span *name, struct span *value)
{
	char quote;

	if (rest->len == 0)
		return 0;
	if (!memchr(rest->s, '=', rest->len))
		return -1;
	*name = span_cut(rest, '=');
	if (name->len == 0 || rest->len < 2)
		return -1;
	quote = rest->s[0];
	*rest = span(rest->s + 1, rest->len - 1);
	if (!memchr(rest->s, quote, rest->len))
		return -1;
	*value = span_cut(rest, quote);
	if (rest->len == 0)
		return 1;
	if (rest->s[0] != ',' || rest->len == 1)
		return -1;
	*rest = span(rest->s + 1, rest->len - 1);
	return 1;
}

/* What the known variables may be; others may be anything. Returns NULL, or what is wrong. */
static char const *
variable_check(struct span name, struct span value)
{
	uint64_t number;

	if (span_equal(name, SPAN_LITERAL("DATABYTES")) &&
		number_parse(value, UINT64_MAX, &number) == -1)
		return "DATABYTES is not a number";
	if (span_equal(name, SPAN_LITERAL("BARELF")) && !span_equal(value, SPAN_LITERAL("lines")) &&
		!span_equal(value, SPAN_LITERAL("all")))
		return "BARELF is neither lines nor all";
	return NULL;
}

static int
variables_check(struct span variables, char const **reason)
{
	struct span name, value;
	int r;

	while ((r = variable_next(&variables, &name, &value)) == 1)
		if ((*reason = variable_check(name, value)))
			return -1;
	if (r == -1)
		*reason = "what follows allow or deny is not ,VARIABLE=\"value\"";
	return r;
}

/* Where ":allow" or ":deny" begins; IPv6 addresses have colons of their own. */
static size_t
verdict_find(struct span line, int *allow)
{
	for (size_t i = 0; i < line.len; i++) {
		struct span rest = span(line.s + i, line.len - i);
		size_t len;

		*allow = span_case_starts(rest, SPAN_LITERAL(":allow"));
		if (!*allow && !span_case_starts(rest, SPAN_LITERAL(":deny")))
			continue;
		len = *allow ? 6 : 5;
		if (rest.len == len || rest.s[len] == ',')
			return i;
	}
	return line.len;
}

int
access_rule_parse(struct access_rule *rule, struct span line, char const **reason)
{
	size_t verdict = verdict_find(line, &rule->allow);
	size_t end = verdict + (rule->allow ? 6 : 5);

	if (verdict == line.len) {
		*reason = "there is no :allow or :deny";
		return -1;
	}
	memset(&rule->low, 0, sizeof rule->low);
	memset(&rule->high, 0, sizeof rule->high);
	if (address_parse(rule, span(line.s, verdict), reason) == -1)
		return -1;
	rule->variables = span("", 0);
	if (end < line.len)
		rule->variables = span(line.s + end + 1, line.len - end - 1);
	if (end + 1 == line.len) {
		*reason = "a comma stands at the end";
		return -1;
	}
	return variables_check(rule->variables, reason);
}

static int
addresses_line_parse(struct access_rule *rule, struct span line, char const **reason)
{
	memset(&rule->low, 0, sizeof rule->low);
	memset(&rule->high, 0, sizeof rule->high);
	rule->allow = 1;
	rule->variables = span("", 0);
	return address_parse(rule, line, reason);
}

/* Loads a file whose lines `parse` reads. */
static int
rules_load(struct access *access, char const *name,
	int (*parse)(struct access_rule *, struct span, char const **), stralloc *why)
{
	struct access new = ACCESS_ZERO;
	int r = control_list_read(&new.list, name, why);

	if (r == 1 && control_list_length(&new.list) > ACCESS_RULES_MAX)
		r = control_complain(why, name, 0, "has more than 10000 rules", span("", 0));
	for (size_t i = 0; r != -1 && i < control_list_length(&new.list); i++) {
		struct control_line const *line = control_list_line(&new.list, i);
		struct access_rule rule = {.line = line->number};
		char const *reason;

		if (parse(&rule, line->text, &reason) == -1)
			r = control_complain(why, name, line->number, reason, line->text);
		else if (!genalloc_append(struct access_rule, &new.rules, &rule))
			r = control_complain(why, name, 0, "out of memory", span("", 0));
	}
	if (r == -1) {
		access_free(&new);
		return -1;
	}
	access_free(access);
	*access = new;
	return 0;
}

int
access_load(struct access *access, stralloc *why)
{
	return rules_load(access, "access", access_rule_parse, why);
}

int
access_load_addresses(struct access *access, char const *name, stralloc *why)
{
	return rules_load(access, name, addresses_line_parse, why);
}

static int
rule_matches(struct access_rule const *rule, struct netaddress const *client)
{
	if (rule->bits == -1)
		return 1;
	return netaddress_is_v4(&rule->low) == netaddress_is_v4(client) &&
	       memcmp(client->bytes, rule->low.bytes, sizeof client->bytes) >= 0 &&
	       memcmp(client->bytes, rule->high.bytes, sizeof client->bytes) <= 0;
}

struct access_rule const *
access_find(struct access const *access, struct netaddress const *client)
{
	struct access_rule const *rules = genalloc_s(struct access_rule, &access->rules);
	struct access_rule const *best = NULL;

	for (size_t i = 0; i < genalloc_len(struct access_rule, &access->rules); i++)
		if (rule_matches(&rules[i], client) && (!best || rules[i].bits > best->bits))
			best = &rules[i];
	return best;
}

int
access_variable(struct access_rule const *rule, char const *name, struct span *value)
{
	struct span rest = rule->variables, found;

	while (variable_next(&rest, &found, value) == 1)
		if (span_equal(found, span_string(name)))
			return 1;
	return 0;
}

int
access_variable_next(struct span *rest, struct span *name, struct span *value)
{
	return variable_next(rest, name, value) == 1;
}

int
access_mentions(struct access const *access, char const *name)
{
	struct access_rule const *rules = genalloc_s(struct access_rule, &access->rules);
	struct span value;

	for (size_t i = 0; i < genalloc_len(struct access_rule, &access->rules); i++)
		if (access_variable(&rules[i], name, &value))
			return 1;
	return 0;
}

void
access_free(struct access *access)
{
	control_list_free(&access->list);
	genalloc_free(struct access_rule, &access->rules);
}
