#include "wire/notice.h"

#include "tests/tap.h"

/* Of a recipient that failed, one that was delivered and one that waits: who is told. */
static struct {
	char const *sender, *notify;
	int failure, success, delay;
} const wishes[] = {
	{"s@x", "", 1, 1, 1},
	{"s@x", "NEVER", 0, 1, 0},
	{"s@x", "FAILURE", 1, 1, 0},
	{"s@x", "DELAY", 0, 1, 1},
	{"s@x", "SUCCESS", 0, 1, 0},
	{"s@x", "success,failure,delay", 1, 1, 1},
	{"s@x", "NEVER,DELAY", 1, 1, 1},
	{"s@x", "FAILURE,", 1, 1, 1},
	{"s@x", "nonsense", 1, 1, 1},
	{"", "", 1, 0, 0},
	{"", "DELAY,FAILURE", 1, 0, 0},
	{"", "NEVER", 0, 0, 0},
	{"#@[]", "", 0, 0, 0},
	{"#@[]", "SUCCESS,FAILURE,DELAY", 0, 0, 0},
	{"list-@x-@[]", "", 1, 1, 0},
	{"list-@x-@[]", "DELAY", 0, 1, 1},
	{"list@x-@[]", "", 1, 1, 1},
};

static void
concerns(void)
{
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
		struct span sender = span_string(wishes[i].sender);
		struct delivery failed = {.status = DELIVERY_FAILED}, waits = {0};
		struct delivery done = {.status = DELIVERY_DONE, .unreported = 1};

		failed.notify = waits.notify = done.notify = span_string(wishes[i].notify);
		ok(notice_concerns(NOTICE_FAILURE, &failed, sender) == wishes[i].failure &&
				notice_concerns(NOTICE_SUCCESS, &done, sender) ==
					wishes[i].success &&
				notice_concerns(NOTICE_DELAY, &waits, sender) == wishes[i].delay,
			"<%s> %s", wishes[i].sender, wishes[i].notify);
		ok(!notice_concerns(NOTICE_DELAY, &failed, sender) &&
				!notice_concerns(NOTICE_FAILURE, &waits, sender) &&
				!notice_concerns(NOTICE_SUCCESS, &waits, sender),
			"... and of nothing else");
	}
}

static struct {
	char const *sender, *address;
} const addresses[] = {
	{"", ""},
	{"s@x", "s@x"},
	{"list-@x-@[]", "list-@x"},
	{"list@x-@[]", "list@x"},
	{"-@[]", "-@[]"},
	{"x-@[]", "x"},
	{"#@[]", "#@[]"},
	{"list-@x-@[]-@[]", "list-@x-@[]"},
};

static void
address(void)
{
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		stralloc sa = STRALLOC_ZERO;

		ok(notice_address_append(&sa, span_string(addresses[i].sender)) &&
				span_equal(span(sa.s, sa.len), span_string(addresses[i].address)),
			"notices to <%s> go to <%s>", addresses[i].sender, addresses[i].address);
		stralloc_free(&sa);
	}
}

static void
letters(void)
{
	enum notice_kind kind;

	for (int i = 0; i < NOTICE_KINDS; i++)
		ok(notice_kind_parse(&kind, notice_letter((enum notice_kind)i)) == 0 &&
				(int)kind == i,
			"the letter of kind %d", i);
	ok(notice_kind_parse(&kind, 'X') == -1 && notice_kind_parse(&kind, '\0') == -1,
		"no other letter");
}

int
main(void)
{
	concerns();
	address();
	letters();
	return tap_end();
}
