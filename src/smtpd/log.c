#include "smtpd/log.h"

#include <string.h>
#include <unistd.h>

#include "lib/durable.h"
#include "lib/text.h"

enum { LOG_VALUE_MAX = 300 };

static stralloc line = STRALLOC_ZERO;

/* Without memory a line comes out short; the mail goes on. */
static void
add(char const *text)
{
	(void)stralloc_cats(&line, text);
}

/* Nothing foreign ends the quotes or the line, or looks like a field outside of them. */
static void
add_foreign(struct span foreign, char const *forbidden)
{
	size_t from = line.len;

	if (foreign.len > LOG_VALUE_MAX)
		foreign.len = LOG_VALUE_MAX;
	if (!text_append_clean(&line, foreign))
		return;
	for (size_t i = from; i < line.len; i++)
		if (strchr(forbidden, line.s[i]))
			line.s[i] = '_';
}

void
log_begin(struct session const *s, char const *event)
{
	static pid_t pid; /* only processes that serve write here, and they do not fork */

	if (pid == 0)
		pid = getpid();
	line.len = 0;
	add("smtpd: pid ");
	(void)text_append_number(&line, (unsigned long long)pid);
	(void)text_append(&line, " ip=", s->client.ip, " event=", event, (char *)0);
}

void
log_word(char const *name, char const *value)
{
	(void)text_append(&line, " ", name, "=", value, (char *)0);
}

void
log_number(char const *name, unsigned long long value)
{
	(void)text_append(&line, " ", name, "=", (char *)0);
	(void)text_append_number(&line, value);
}

void
log_text(char const *name, struct span foreign)
{
	(void)text_append(&line, " ", name, "=\"", (char *)0);
	add_foreign(foreign, "\"");
	add("\"");
}

void
log_address(char const *name, struct span address)
{
	(void)text_append(&line, " ", name, "=<", (char *)0);
	add_foreign(address, " \"<>");
	add(">");
}

/* A log that can not be written must not stop the mail. */
void
log_end(void)
{
	add("\n");
	(void)durable_write(2, line.s, line.len);
}
