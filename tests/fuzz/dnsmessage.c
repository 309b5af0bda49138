#include "wire/dnsmessage.h"

#include <stdlib.h>

/*
 * The first byte chooses what was asked for; the rest is what came. The
 * question's name and id are taken from it where they can be, so that most
 * inputs get past the question.
 */
static struct {
	char const *name;
	enum dns_type type;
} const asked[] = {{"a.example", DNS_A}, {"a.example", DNS_MX}, {"a.example", DNS_TXT},
	{"a.example", DNS_TLSA}, {"a.example", DNS_AAAA}, {"a.example", DNS_CNAME},
	{"b.a", DNS_PTR}};

int LLVMFuzzerTestOneInput(unsigned char const *data, size_t size);

int
LLVMFuzzerTestOneInput(unsigned char const *data, size_t size)
{
	struct dns_answer answer;
	struct dns_record record;
	struct dns_name name;
	unsigned seen = 0;
	size_t which;

	if (size < 3)
		return 0;
	which = data[0] % (sizeof asked / sizeof asked[0]);
	data++, size--;
	dns_name_parse(&name, span_string(asked[which].name));
	if (dns_answer_parse(&answer, (char const *)data, size, (uint16_t)(data[0] << 8 | data[1]),
		    &name, asked[which].type) == -1 ||
		answer.truncated)
		return 0;
	if (answer.links > DNS_LINKS_MAX || answer.name.len > DNS_NAME_TEXT_MAX)
		abort();
	if (dns_answer_lifetime(&answer) > INT32_MAX)
		abort();
	while (dns_answer_next(&answer, &record)) {
		seen++;
		if (record.name.len > DNS_NAME_TEXT_MAX || record.name.text[record.name.len])
			abort();
		for (size_t i = 0; i < record.name.len; i++)
			if (record.name.text[i] <= ' ' || record.name.text[i] >= 0x7f)
				abort();
		if (record.data.s < (char const *)data ||
			record.data.s + record.data.len > (char const *)data + size)
			abort();
	}
	if (seen != answer.records)
		abort();
	return 0;
}
