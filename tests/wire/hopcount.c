#include "wire/hopcount.h"

#include "tests/tap.h"

static struct {
	char const *text;
	unsigned hops;
} const rows[] = {
	{"", 0},
	{"Received: a\nReceived: b\n\nReceived: c\n", 2},
	{"received : a\nRECEIVED\t: b\n", 2},
	{"Delivered-To: a\nX-Received: b\nReceived-SPF: c\n", 1},
	{"Received a: b\nReceive: c\nReceivedd: d\n", 0},
	{"Subject: x\n Received: y\n\tReceived: y\nReceived: z", 1},
	{"\nReceived: a\n", 0},
	{"Received:\nReceived:\n", 2},
	{"Received", 0},
	{"averyveryverylongname: Received: a\nReceived: a\n", 1},
	{": a\nReceived: a\n", 1},
};

static struct {
	char const *text;
	int eight_bit;
} const headers[] = {
	{"Subject: x\n\n\xc3\xbc\n", 0},
	{"Subject: \xc3\xbc\n\n", 1},
	{"\xc3\xbc: x\n\n", 1},
	{"a: b\n \xff\n", 1},
	{"a: b\nc: d\xff", 1},
	{"\n\xff", 0},
};

static void
check_header(size_t i)
{
	size_t len = strlen(headers[i].text);
	int good = 1;

	for (size_t split = 0; split <= len; split++) {
		struct hopcount count = HOPCOUNT_ZERO;

		hopcount_take(&count, span(headers[i].text, split));
		hopcount_take(&count, span(headers[i].text + split, len - split));
		good &= count.eight_bit == headers[i].eight_bit;
	}
	ok(good, "header %zu: 8-bit %d", i, headers[i].eight_bit);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = strlen(rows[i].text);
		int good = 1;

		for (size_t split = 0; split <= len; split++) {
			struct hopcount count = HOPCOUNT_ZERO;

			hopcount_take(&count, span(rows[i].text, split));
			hopcount_take(&count, span(rows[i].text + split, len - split));
			good &= count.hops == rows[i].hops;
		}
		ok(good, "header %zu has %u hops", i, rows[i].hops);
	}
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		check_header(i);
	return tap_end();
}
