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
	return tap_end();
}
