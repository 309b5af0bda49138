#include "wire/workerreport.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

#define BYTES(text) text, sizeof(text) - 1

static struct {
	char const *name, *bytes;
	size_t len;
	int want; /* kind, or -1 */
	uint32_t errors, unused0, unused1;
	unsigned which;
} const packets[] = {
	{"done", BYTES("\0"), WORKER_DONE, 0, 0, 0, 0},
	{"done with numbers", BYTES("\0\0\0\1\2\0\0\0\3\xff\xff\xff\xff"), WORKER_DONE, 258, 3,
		UINT32_MAX, 0},
	{"a number too few", BYTES("\0\0\0\1\2\0\0\0\3"), -1, 0, 0, 0, 0},
	{"a byte too few", BYTES("\0\0\0\1\2\0\0\0\3\xff\xff\xff"), -1, 0, 0, 0, 0},
	{"a byte too many", BYTES("\0\0\0\1\2\0\0\0\3\xff\xff\xff\xff\0"), -1, 0, 0, 0, 0},
	{"asks for messages", BYTES("\1\0"), WORKER_ASKS, 0, 0, 0, 0},
	{"asks for recipients", BYTES("\1\1"), WORKER_ASKS, 0, 0, 0, 1},
	{"asks for what there is not", BYTES("\1\2"), -1, 0, 0, 0, 0},
	{"asks for a negative one", BYTES("\1\xff"), -1, 0, 0, 0, 0},
	{"asks for nothing", BYTES("\1"), -1, 0, 0, 0, 0},
	{"asks with numbers", BYTES("\1\0\0\1\2\0\0\0\3\xff\xff\xff\xff"), -1, 0, 0, 0, 0},
	{"brings a client", BYTES("\2\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7"), WORKER_BRINGS, 0, 0,
		0, 0},
	{"brings less", BYTES("\2\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2"), -1, 0, 0, 0, 0},
	{"brings more", BYTES("\2\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7\0"), -1, 0, 0, 0, 0},
	{"brings nobody", BYTES("\2"), -1, 0, 0, 0, 0},
	{"another kind", BYTES("\3"), -1, 0, 0, 0, 0},
	{"nothing", BYTES(""), -1, 0, 0, 0, 0},
};

int
main(void)
{
	char packet[WORKER_REPORT_MAX], grant[WORKER_GRANT_LENGTH];

	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		/* at the end of its memory, so that a sanitizer sees a step too far */
		char *copy = malloc(packets[i].len ? packets[i].len : 1);
		struct worker_report report;
		int r;

		memcpy(copy, packets[i].bytes, packets[i].len);
		r = worker_report_parse(&report, copy, packets[i].len);
		ok(r == -1 ? packets[i].want == -1
			   : (int)report.kind == packets[i].want &&
					report.errors == packets[i].errors &&
					report.unused[0] == packets[i].unused0 &&
					report.unused[1] == packets[i].unused1 &&
					report.which == packets[i].which,
			"%s", packets[i].name);
		ok(r == -1 || (worker_report_format(packet, &report) == packets[i].len &&
				      memcmp(packet, copy, packets[i].len) == 0),
			"%s: the same bytes again", packets[i].name);
		free(copy);
	}
	worker_grant_format(grant, 4000000000u);
	ok(worker_grant_parse(grant) == 4000000000u, "a grant");
	return tap_end();
}
