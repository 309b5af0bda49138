#include "wire/queuecontrol.h"

#include "tests/tap.h"

static stralloc packet = STRALLOC_ZERO;

static void
requests(void)
{
	static struct queue_request in, out;

	for (int order = 0; order < ORDERS; order++) {
		in = (struct queue_request){VERB_ORDER, (enum order)order, 2, {7, UINT64_MAX}};
		packet.len = 0;
		queue_request_format(&packet, &in);
		ok(queue_request_parse(&out, packet.s, packet.len) == 0 && out.verb == VERB_ORDER &&
				out.order == in.order && out.ids == 2 && out.id[0] == 7 &&
				out.id[1] == UINT64_MAX,
			"an order is read back: %s", order_name((enum order)order));
	}
	in = (struct queue_request){.verb = VERB_COUNTS};
	packet.len = 0;
	queue_request_format(&packet, &in);
	same(packet.s, packet.len, "counts", 7, "a request without ids is its word");
	ok(queue_request_parse(&out, packet.s, packet.len) == 0 && out.verb == VERB_COUNTS,
		"and is read back");
	for (size_t ids = QUEUECONTROL_IDS_MAX - 1; ids <= QUEUECONTROL_IDS_MAX + 1; ids++) {
		packet.len = 0;
		stralloc_catb(&packet, "state", 6);
		for (size_t i = 0; i < ids; i++)
			stralloc_catb(&packet, "12", 3);
		ok((queue_request_parse(&out, packet.s, packet.len) == 0) ==
				(ids <= QUEUECONTROL_IDS_MAX),
			"%lu ids", (unsigned long)ids);
	}
}

static void
requests_bad(void)
{
	static struct {
		char const *name;
		struct span bytes;
	} const bad[] = {
		{"nothing", {"", 0}},
		{"a word without its end", {"counts", 6}},
		{"an unknown word", {"explode\0001", 9}},
		{"an empty word", {"\0", 1}},
		{"an order without a message", {"hold", 5}},
		{"a state without a message", {"state", 6}},
		{"counts of a message", {"counts\0007", 9}},
		{"an id that is none", {"hold\0x", 7}},
		{"an empty id", {"hold\0", 6}},
		{"the id 0", {"hold\0000", 7}},
		{"a negative id", {"hold\0-1", 8}},
		{"an id without its end", {"hold\00017", 7}},
		{"an id that is too large", {"hold\00018446744073709551616", 26}},
		{"a bad id after a good one", {"hold\0001\0y", 9}},
	};
	static struct queue_request out;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(queue_request_parse(&out, bad[i].bytes.s, bad[i].bytes.len) == -1,
			"no request: %s", bad[i].name);
}

static void
letters(void)
{
	enum order_result result;
	enum queue_state state;
	int good = 1;

	for (int i = ORDER_DONE; i <= ORDER_TROUBLE; i++)
		good &= order_result_parse(&result, order_result_letter((enum order_result)i)) ==
				0 &&
			result == (enum order_result)i;
	for (int i = QUEUE_STATE_UNKNOWN; i <= QUEUE_STATE_HELD; i++)
		good &= queue_state_parse(&state, queue_state_letter((enum queue_state)i)) == 0 &&
			state == (enum queue_state)i;
	ok(good, "each letter is read back");
	ok(order_result_parse(&result, 'x') == -1 && queue_state_parse(&state, '\0') == -1,
		"other letters are not");
}

static void
counts(void)
{
	struct queue_counts in, out;

	for (size_t i = 0; i < COUNTS; i++)
		in.value[i] = i * i + 1;
	packet.len = 0;
	queue_counts_format(&packet, &in);
	ok(queue_counts_parse(&out, packet.s, packet.len) == 0 && memcmp(&in, &out, sizeof in) == 0,
		"all counts are read back");
	ok(packet.len < QUEUECONTROL_PACKET_MAX, "and fit one packet");
	ok(queue_counts_parse(&out, "new\0005\0hold\0003", 13) == 0 && out.value[COUNT_HOLD] == 3 &&
			out.value[COUNT_TODO] == 0,
		"an unknown count is passed over, a missing one is 0");
	ok(queue_counts_parse(&out, "hold\0x", 7) == -1, "a count that is no number");
	ok(queue_counts_parse(&out, "hold", 5) == -1, "a count without a number");
}

static void
rows(void)
{
	static struct queue_destinations d, d_out;
	static struct queue_replies r, r_out;
	static char text[QUEUECONTROL_NAME_MAX + 1];

	memset(text, 'x', sizeof text);
	for (d.rows = 0; d.rows < QUEUECONTROL_ROWS_MAX; d.rows++)
		d.row[d.rows] =
			(struct queue_destination){1, span(text, sizeof text), UINT64_MAX, 2, 1};
	for (r.rows = 0; r.rows < QUEUECONTROL_ROWS_MAX; r.rows++)
		r.row[r.rows] = (struct queue_reply){1763753266, UINT64_MAX, VERDICT_DEFERRED,
			span(text, sizeof text), span(text, sizeof text)};
	packet.len = 0;
	queue_destinations_format(&packet, &d);
	ok(queue_destinations_parse(&d_out, packet.s, packet.len) == 0 &&
			d_out.rows == QUEUECONTROL_ROWS_MAX &&
			d_out.row[39].running == UINT64_MAX && d_out.row[39].waiting == 2 &&
			d_out.row[39].unreachable == 1 &&
			d_out.row[39].name.len == QUEUECONTROL_NAME_MAX,
		"destinations are read back, a long name cut");
	ok(packet.len < QUEUECONTROL_PACKET_MAX, "and fit one packet");
	stralloc_catb(&packet, "1\0x\0001\0002\0", 9);
	ok(queue_destinations_parse(&d_out, packet.s, packet.len) == -1, "one too many");
	packet.len = 0;
	queue_replies_format(&packet, &r);
	ok(queue_replies_parse(&r_out, packet.s, packet.len) == 0 &&
			r_out.rows == QUEUECONTROL_ROWS_MAX &&
			r_out.row[39].verdict == VERDICT_DEFERRED &&
			r_out.row[39].text.len == QUEUECONTROL_TEXT_MAX,
		"replies are read back, a long text cut");
	ok(packet.len < QUEUECONTROL_PACKET_MAX, "and fit one packet");
	d.rows = r.rows = 0;
	packet.len = 0;
	queue_destinations_format(&packet, &d);
	ok(packet.len == 1 && queue_destinations_parse(&d_out, packet.s, 1) == 0 && d_out.rows == 0,
		"no destinations: a packet all the same");
	ok(queue_replies_parse(&r_out, packet.s, 1) == 0 && r_out.rows == 0, "no replies");
	ok(queue_replies_parse(&r_out, "1\0002\0Q\0d\0t", 10) == -1, "an unknown verdict");
	ok(queue_replies_parse(&r_out, "1\0002\0K\0d", 8) == -1, "a reply that breaks off");
}

int
main(void)
{
	requests();
	requests_bad();
	letters();
	counts();
	rows();
	stralloc_free(&packet);
	return tap_end();
}
