/*
 * lookup NAME TYPE: not a test but a tool for tests. Asks the servers of
 * ./control/dnsservers and prints one line:
 *
 *   found RECORDS IGNORED AUTHENTIC | no-name | no-data | temporary WHY
 *
 * and before it each question and answer as "trace LINE", after it each record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/resolver.h"

static struct resolver resolver;

static void
trace(void *context, char const *line)
{
	(void)context;
	printf("trace %s\n", line);
}

static enum dns_type
type_of(char const *text)
{
	static struct {
		char const *name;
		enum dns_type type;
	} const types[] = {{"A", DNS_A}, {"AAAA", DNS_AAAA}, {"CNAME", DNS_CNAME}, {"MX", DNS_MX},
		{"PTR", DNS_PTR}, {"TLSA", DNS_TLSA}, {"TXT", DNS_TXT}};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(text, types[i].name) == 0)
			return types[i].type;
	exit(100);
}

static void
show_records(void)
{
	struct dns_record record;

	while (dns_answer_next(&resolver.answer, &record)) {
		printf("record %u %s ", record.preference,
			record.name.len ? record.name.text : "-");
		for (size_t i = 0; i < record.data.len; i++)
			printf("%02x", (unsigned char)record.data.s[i]);
		putchar('\n');
	}
}

int
main(int argc, char **argv)
{
	stralloc why = STRALLOC_ZERO;
	struct dns_name name;

	if (argc != 3 || dns_name_parse(&name, span_string(argv[1])) == -1)
		return 100;
	if (resolver_open(&resolver, &why) == -1) {
		fprintf(stderr, "lookup: fatal: %.*s\n", (int)why.len, why.s);
		return 100;
	}
	resolver.trace = trace;
	switch (resolver_ask(&resolver, &name, type_of(argv[2]), &why)) {
	case LOOKUP_FOUND:
		printf("found %u %u %d\n", resolver.answer.records, resolver.answer.ignored,
			resolver.answer.authentic);
		show_records();
		break;
	case LOOKUP_NO_NAME: puts("no-name"); break;
	case LOOKUP_NO_DATA: puts("no-data"); break;
	case LOOKUP_TEMPORARY: printf("temporary %.*s\n", (int)why.len, why.s); break;
	}
	stralloc_free(&why);
	return 0;
}
