#include "wire/dsnparameter.h"

#include "lib/utf8.h"
#include "wire/xtext.h"

static struct {
	struct span word;
	enum dsn_notify notify;
} const words[] = {
	{{"NEVER", 5}, DSN_NEVER},
	{{"SUCCESS", 7}, DSN_SUCCESS},
	{{"FAILURE", 7}, DSN_FAILURE},
	{{"DELAY", 5}, DSN_DELAY},
};

enum { WORDS = sizeof words / sizeof words[0] };

int
dsn_ret_is_good(struct span value)
{
	return span_case_equal(value, SPAN_LITERAL("FULL")) ||
	       span_case_equal(value, SPAN_LITERAL("HDRS"));
}

int
dsn_envid_is_good(struct span value)
{
	return value.len > 0 && value.len <= DSN_ENVID_MAX && xtext_is_good(value);
}

static unsigned
word_parse(struct span word)
{
	for (size_t i = 0; i < WORDS; i++)
		if (span_case_equal(word, words[i].word))
			return words[i].notify;
	return 0;
}

int
dsn_notify_parse(unsigned *notify, struct span value)
{
	unsigned sum = 0;
	int more;

	do {
		struct span rest = value;
		unsigned word = word_parse(span_cut(&rest, ','));

		more = span_find(value, ',') < value.len;
		if (word == 0 || sum & word)
			return -1;
		sum |= word;
		value = rest;
	} while (more);
	if (sum & DSN_NEVER && sum != DSN_NEVER)
		return -1;
	*notify = sum;
	return 0;
}

int
dsn_notify_append(stralloc *sa, unsigned notify)
{
	int any = 0;

	for (size_t i = 0; i < WORDS; i++) {
		if (!(notify & words[i].notify))
			continue;
		if ((any && !stralloc_catb(sa, ",", 1)) ||
			!stralloc_catb(sa, words[i].word.s, words[i].word.len))
			return 0;
		any = 1;
	}
	return 1;
}

static int
is_type(struct span type)
{
	for (size_t i = 0; i < type.len; i++) {
		char c = type.s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-'))
			return 0;
	}
	return type.len > 0;
}

/* UTF-8 without controls; what must be coded in xtext must be so here. */
static int
is_unitext(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.s[i];

		if (c <= ' ' || c == 127 || c == '=')
			return 0;
	}
	return utf8_is_valid(s);
}

int
dsn_orcpt_is_good(struct span value, int utf8)
{
	size_t semicolon = span_find(value, ';');
	struct span type = span(value.s, semicolon), address;

	if (value.len > DSN_ORCPT_MAX || semicolon + 1 >= value.len || !is_type(type))
		return 0;
	address = span(value.s + semicolon + 1, value.len - semicolon - 1);
	if (utf8 && !utf8_is_ascii(address))
		return span_case_equal(type, SPAN_LITERAL("utf-8")) && is_unitext(address);
	return xtext_is_good(address);
}
