#include "send/log.h"

#include <errno.h>
#include <unistd.h>

#include "lib/number.h"

/* Lines leave together, and most often whole. */
enum { LOG_BUFFER = 64 * 1024, LOG_LINE = 8 * 1024 };

static char lines[LOG_BUFFER];
static size_t length;

/*
 * A log that can not be written must not stop the mail: what could not leave
 * is dropped.
 */
void
log_flush(void)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = write(2, lines + done, length - done);

		if (n == -1 && errno != EINTR)
			break;
		if (n > 0)
			done += (size_t)n;
	}
	length = 0;
}

static void
put_char(char c)
{
	if (length == LOG_BUFFER)
		log_flush();
	lines[length++] = c;
}

static void
line_end(void)
{
	put_char('\n');
	if (length > LOG_BUFFER - LOG_LINE)
		log_flush();
}

static void
put(char const *s)
{
	while (*s)
		put_char(*s++);
}

static void
put_number(uint64_t n)
{
	if (length > LOG_BUFFER - NUMBER_TEXT_MAX)
		log_flush();
	length += number_format(lines + length, n);
}

/* qmail's way with foreign text: newline '/', all that is not printable '_', blanks too. */
static void
put_safe(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.s[i];

		if (c == '\n')
			c = '/';
		else if (c < 33 || c > 126 || c == '%')
			c = '_';
		put_char(c);
	}
}

/* For people: blanks stay. */
static void
put_clean(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		put_char(text.s[i] >= ' ' && text.s[i] <= '~' ? text.s[i] : '?');
}

void
log_new_message(uint64_t id)
{
	put("new msg ");
	put_number(id);
	line_end();
}

void
log_info(uint64_t id, uint64_t bytes, struct span sender, uint64_t qp, uint64_t uid)
{
	put("info msg ");
	put_number(id);
	put(": bytes ");
	put_number(bytes);
	put(" from <");
	put_safe(sender);
	put("> qp ");
	put_number(qp);
	put(" uid ");
	put_number(uid);
	line_end();
}

void
log_starting(uint64_t delivery, uint64_t id, int local, struct span address)
{
	put("starting delivery ");
	put_number(delivery);
	put(": msg ");
	put_number(id);
	put(local ? " to local " : " to remote ");
	put_safe(address);
	line_end();
}

void
log_delivery(uint64_t delivery, enum verdict verdict, struct span text)
{
	static char const *const words[] = {
		[VERDICT_DELIVERED] = ": success: ",
		[VERDICT_DEFERRED] = ": deferral: ",
		[VERDICT_FAILED] = ": failure: ",
		[VERDICT_TROUBLE] = ": deferral: ",
	};

	put("delivery ");
	put_number(delivery);
	put(words[verdict]);
	put_safe(text);
	line_end();
}

static void
put_word(char const *name, struct span value)
{
	put(name);
	if (value.len)
		put_safe(value);
	else
		put("-");
}

static void
put_fact(char const *name, uint64_t value)
{
	put(name);
	put_number(value);
}

void
log_attempt(uint64_t id, uint64_t delivery, struct report const *report)
{
	struct attempt_facts const *facts = &report->facts;

	put_fact("attempt msg ", id);
	put_fact(": delivery ", delivery);
	put_fact(" recipients ", report->recipients);
	put_word(" host ", report->host);
	put_word(" address ", report->address);
	put_fact(" port ", facts->port);
	put_fact(" code ", facts->code);
	put_fact(" dns ", facts->dns);
	put_fact(" connect ", facts->connect);
	put_fact(" transfer ", facts->transfer);
	put_fact(" bytes ", facts->bytes);
	line_end();
}

void
log_report_mangled(uint64_t delivery)
{
	put("delivery ");
	put_number(delivery);
	put(": report mangled, will defer");
	line_end();
}

void
log_bounce(uint64_t id, struct span bounce_id, struct span qp)
{
	put("bounce msg ");
	put_number(id);
	put(" qp ");
	put_safe(qp);
	line_end();
	put("bounce of msg ");
	put_number(id);
	put(" is msg ");
	put_safe(bounce_id);
	line_end();
}

void
log_triple_bounce(uint64_t id)
{
	put("triple bounce: discarding bounce/");
	put_number(id);
	line_end();
}

void
log_bounce_unwanted(uint64_t id)
{
	put("no bounce of msg ");
	put_number(id);
	put(": its sender wants none");
	line_end();
}

void
log_notice(uint64_t id, enum notice_kind kind, struct span notice_id)
{
	put(kind == NOTICE_DELAY ? "delay notice of msg " : "success notice of msg ");
	put_number(id);
	put(" is msg ");
	put_safe(notice_id);
	line_end();
}

void
log_end(uint64_t id)
{
	put("end msg ");
	put_number(id);
	line_end();
}

void
log_order(uint64_t id, enum order order, uid_t by)
{
	put("order msg ");
	put_number(id);
	put(": ");
	put(order_name(order));
	put(" by uid ");
	put_number(by);
	line_end();
}

void
log_status(unsigned local, uint64_t local_max, unsigned remote, uint64_t remote_max, int exiting)
{
	put("status: local ");
	put_number(local);
	put("/");
	put_number(local_max);
	put(" remote ");
	put_number(remote);
	put("/");
	put_number(remote_max);
	if (exiting)
		put(" exitasap");
	line_end();
}

void
log_exiting(void)
{
	put("status: exiting");
	line_end();
}

static void
complain(char const *kind, char const *text, struct span detail)
{
	put(kind);
	put(text);
	put_clean(detail);
	line_end();
}

void
log_warning(char const *text, struct span detail)
{
	complain("warning: ", text, detail);
}

void
log_alert(char const *text, struct span detail)
{
	complain("alert: ", text, detail);
}

void
log_message_warning(uint64_t id, char const *text, struct span detail)
{
	put("warning: msg ");
	put_number(id);
	complain(": ", text, detail);
}
