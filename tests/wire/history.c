#include "wire/history.h"

#include "tests/tap.h"
#include "wire/delivery.h"

static struct history_line
sample(enum history_event event, uint64_t attempt, uint64_t first, uint64_t last, uint64_t next)
{
	return (struct history_line){.time = 1763753266,
		.event = event,
		.attempt = attempt,
		.ranges = 1,
		.range = {{first, last}},
		.next = next,
		.host = SPAN_LITERAL("mx.example.org"),
		.address = SPAN_LITERAL("192.0.2.1"),
		.text = SPAN_LITERAL("Remote host said: 451 later")};
}

static void
roundtrip(void)
{
	struct history_line in = sample(HISTORY_DEFERRED, 2, 0, 2, 1763753566), out;
	stralloc sa = STRALLOC_ZERO;
	struct span rest;
	static char const want[] =
		" 1763753266 deferred 2 0-2,7 1763753566 mx.example.org 192.0.2.1 "
		"Remote host said: 451 later\n";

	in.range[in.ranges++] = (struct range){7, 7};
	history_append(&sa, &in);
	same(sa.s + 8, sa.len - 8, want, sizeof want - 1, "a line is what the manual shows");
	rest = span(sa.s, sa.len);
	ok(history_next(&out, &rest, NULL) == 1 && out.event == HISTORY_DEFERRED &&
			out.attempt == 2 && out.ranges == 2 && out.range[0].last == 2 &&
			out.range[1].first == 7 && out.next == 1763753566 &&
			span_equal(out.host, in.host) && span_equal(out.address, in.address) &&
			span_equal(out.text, in.text),
		"what was written is read back");
	ok(history_next(&out, &rest, NULL) == 0, "and nothing follows it");
	stralloc_free(&sa);
}

/* Every single damaged bit is noticed, and the line after it still counts. */
static void
damage(void)
{
	struct history_line line = sample(HISTORY_DELIVERED, 1, 0, 0, 0), out;
	stralloc sa = STRALLOC_ZERO;
	size_t first, wrong = 0, lost = 0;

	history_append(&sa, &line);
	first = sa.len;
	line = sample(HISTORY_FAILED, 1, 1, 1, 0);
	history_append(&sa, &line);
	for (size_t i = 0; i < first - 1; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct span rest = span(sa.s, sa.len);
			unsigned damaged = 0;

			sa.s[i] = (char)(sa.s[i] ^ 1 << bit);
			if (history_next(&out, &rest, &damaged) != 1 || out.event != HISTORY_FAILED)
				wrong++;
			if (damaged == 0)
				lost++;
			sa.s[i] = (char)(sa.s[i] ^ 1 << bit);
		}
	ok(wrong == 0, "no damaged line is believed, whichever bit it is");
	ok(lost == 0, "each damage is counted");
	for (size_t len = 0; len < first; len++) {
		struct span rest = span(sa.s, len);

		wrong += history_next(&out, &rest, NULL) != 0;
	}
	ok(wrong == 0, "no torn line is believed, wherever it ends");
	stralloc_free(&sa);
}

static void
foreign_text(void)
{
	struct history_line line = sample(HISTORY_TROUBLE, 0, 0, 0, 1), out;
	char text[HISTORY_TEXT_MAX + 100];
	stralloc sa = STRALLOC_ZERO;
	struct span rest;

	memset(text, 'x', sizeof text);
	memcpy(text, "a\nb\rc\0d\x1b[2J", 11);
	line.text = span(text, sizeof text);
	line.host = SPAN_LITERAL("evil host\nname");
	history_append(&sa, &line);
	ok(sa.len <= HISTORY_LINE_MAX && memchr(sa.s, '\n', sa.len - 1) == NULL,
		"foreign text can not make a second line");
	rest = span(sa.s, sa.len);
	ok(history_next(&out, &rest, NULL) && out.text.len == HISTORY_TEXT_MAX &&
			span_equal(out.host, SPAN_LITERAL("evil?host?name")),
		"foreign text is cleaned and cut");
	ok(memcmp(out.text.s, "a/b?c?d", 7) == 0, "its lines are joined");
	stralloc_free(&sa);
}

static struct {
	char const *name;
	enum history_event events[4];
	size_t count;
	enum delivery_status status;
	uint32_t attempts;
} const replays[] = {
	{"nothing happened", {0}, 0, DELIVERY_PENDING, 0},
	{"deferred", {HISTORY_DEFERRED}, 1, DELIVERY_PENDING, 1},
	{"deferred, delivered", {HISTORY_DEFERRED, HISTORY_DELIVERED}, 2, DELIVERY_DONE, 2},
	{"failed", {HISTORY_FAILED}, 1, DELIVERY_FAILED, 1},
	{"failed, told", {HISTORY_FAILED, HISTORY_BOUNCED}, 2, DELIVERY_DONE, 1},
	{"told without a failure", {HISTORY_BOUNCED}, 1, DELIVERY_PENDING, 0},
	{"done stays done", {HISTORY_DELIVERED, HISTORY_DEFERRED, HISTORY_FAILED}, 3, DELIVERY_DONE,
		1},
	{"failed stays failed", {HISTORY_FAILED, HISTORY_DEFERRED}, 2, DELIVERY_FAILED, 1},
	{"relayed", {HISTORY_RELAYED}, 1, DELIVERY_DONE, 1},
	{"expanded", {HISTORY_EXPANDED}, 1, DELIVERY_DONE, 1},
	{"passed", {HISTORY_PASSED}, 1, DELIVERY_DONE, 1},
	{"warned", {HISTORY_DEFERRED, HISTORY_WARNED}, 2, DELIVERY_PENDING, 1},
	{"warned, failed", {HISTORY_WARNED, HISTORY_FAILED}, 2, DELIVERY_FAILED, 2},
	{"reported", {HISTORY_REPORTED}, 1, DELIVERY_PENDING, 0},
};

static void
replay(void)
{
	static char const records[] = "Fs@example.org\0Ta@example.org\0Tb@example.org\0";
	struct envelope envelope;

	ok(envelope_parse(&envelope, records, sizeof records - 1) == 0, "the envelope parses");
	for (size_t i = 0; i < sizeof replays / sizeof replays[0]; i++) {
		struct delivery_list list;
		stralloc sa = STRALLOC_ZERO;

		for (size_t e = 0; e < replays[i].count; e++) {
			struct history_line line = sample(replays[i].events[e], e + 1, 0, 0, 99);
			history_append(&sa, &line);
		}
		delivery_replay(&list, &envelope, span(sa.s, sa.len), NULL);
		ok(list.length == 2 && list.recipient[0].status == replays[i].status &&
				list.recipient[0].attempts == replays[i].attempts &&
				list.recipient[1].status == DELIVERY_PENDING,
			"replay: %s", replays[i].name);
		delivery_list_free(&list);
		stralloc_free(&sa);
	}
	struct delivery_list list;
	struct history_line line = sample(HISTORY_DELIVERED, 1, 1, 4000000000u, 0);
	stralloc sa = STRALLOC_ZERO;
	history_append(&sa, &line);
	delivery_replay(&list, &envelope, span(sa.s, sa.len), NULL);
	ok(list.recipient[0].status == DELIVERY_PENDING &&
			list.recipient[1].status == DELIVERY_DONE,
		"recipients that are not there are ignored");
	delivery_list_free(&list);
	stralloc_free(&sa);
}

/* What a sender who wants to hear of success has yet to hear. */
static struct {
	char const *name, *records;
	enum history_event events[3];
	size_t count;
	int unreported;
	uint64_t warned;
} const reports[] = {
	{"delivered", "Fs@x\0NSUCCESS\0Ta@x\0", {HISTORY_DELIVERED}, 1, 1, 0},
	{"relayed", "Fs@x\0Nfailure,success\0Ta@x\0", {HISTORY_RELAYED}, 1, 1, 0},
	{"expanded", "Fs@x\0NSUCCESS\0Ta@x\0", {HISTORY_EXPANDED}, 1, 1, 0},
	{"the next server tells", "Fs@x\0NSUCCESS\0Ta@x\0", {HISTORY_PASSED}, 1, 0, 0},
	{"told", "Fs@x\0NSUCCESS\0Ta@x\0", {HISTORY_DELIVERED, HISTORY_REPORTED}, 2, 0, 0},
	{"removed", "Fs@x\0NSUCCESS\0Ta@x\0", {HISTORY_DELIVERED, HISTORY_REMOVED}, 2, 0, 0},
	{"a bounce tells nothing of it", "Fs@x\0NSUCCESS\0Ta@x\0",
		{HISTORY_DELIVERED, HISTORY_BOUNCED}, 2, 1, 0},
	{"failed", "Fs@x\0NSUCCESS\0Ta@x\0", {HISTORY_FAILED}, 1, 0, 0},
	{"not asked for", "Fs@x\0Ta@x\0", {HISTORY_DELIVERED}, 1, 0, 0},
	{"only failure", "Fs@x\0NFAILURE\0Ta@x\0", {HISTORY_DELIVERED}, 1, 0, 0},
	{"never", "Fs@x\0NNEVER\0Ta@x\0", {HISTORY_DELIVERED}, 1, 0, 0},
	{"nonsense", "Fs@x\0NNEVER,SUCCESS\0Ta@x\0", {HISTORY_DELIVERED}, 1, 0, 0},
	{"a message without a sender", "F\0NSUCCESS\0Ta@x\0", {HISTORY_DELIVERED}, 1, 0, 0},
	{"a double bounce", "F#@[]\0NSUCCESS\0Ta@x\0", {HISTORY_DELIVERED}, 1, 0, 0},
	{"warned", "Fs@x\0Ta@x\0", {HISTORY_DEFERRED, HISTORY_WARNED}, 2, 0, 1763753266},
	{"warned too late", "Fs@x\0Ta@x\0", {HISTORY_DELIVERED, HISTORY_WARNED}, 2, 0, 0},
};

static size_t
records_length(char const *records)
{
	size_t len = 0;

	while (records[len])
		len += strlen(records + len) + 1;
	return len;
}

static void
report(void)
{
	for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
		struct delivery_list list;
		struct envelope envelope;
		stralloc sa = STRALLOC_ZERO;

		for (size_t e = 0; e < reports[i].count; e++) {
			struct history_line line = sample(reports[i].events[e], e + 1, 0, 0, 99);
			history_append(&sa, &line);
		}
		envelope_parse(&envelope, reports[i].records, records_length(reports[i].records));
		delivery_replay(&list, &envelope, span(sa.s, sa.len), NULL);
		ok(list.length == 1 && list.recipient[0].unreported == reports[i].unreported &&
				list.recipient[0].warned == reports[i].warned,
			"to tell: %s", reports[i].name);
		delivery_list_free(&list);
		stralloc_free(&sa);
	}
}

static void
words(void)
{
	enum history_event event;
	char const *name;

	for (int i = 0; i <= HISTORY_REMOVED; i++) {
		name = history_event_name((enum history_event)i);
		ok(history_event_parse(&event, span_string(name)) == 0 && (int)event == i,
			"the word %s", name);
	}
	ok(history_event_parse(&event, SPAN_LITERAL("bounce")) == -1, "no other word");
}

int
main(void)
{
	roundtrip();
	damage();
	foreign_text();
	replay();
	report();
	words();
	return tap_end();
}
