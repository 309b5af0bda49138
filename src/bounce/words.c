/* The part of a notice that people read. That of a failure is in the form of QSBMF. */
#include <string.h>

#include "bounce/parts.h"
#include "lib/clock.h"
#include "lib/text.h"

static int
opening_of_failure(stralloc *sa, struct notice const *n, struct settings const *settings)
{
	return text_append(sa, "\nHi. This is the tern program at ", settings->me.s, ".\n",
		n->reader == READER_SENDER
			? "Your message could not be delivered to the addresses below.\n"
			  "This is final: it will not be tried again.\n"
			: "A message could not be delivered to the addresses below, and it names\n"
			  "no sender to tell: it is a notice itself. So this comes to you.\n",
		(char *)NULL);
}

static int
opening_of_delay(stralloc *sa, struct settings const *settings, uint64_t message)
{
	char date[DATE_MAX] = "";

	if (message)
		clock_date(date, (time_t)(message / 1000000 + settings->queuelifetime));
	return text_append(sa, "\nThis is the tern program at ", settings->me.s,
		".\n"
		"Your message has not yet been delivered to the addresses below.\n"
		"You need not send it again: it is tried",
		message ? " until\n" : " for some time", date, ".\n", (char *)NULL);
}

/* Programs take the greeting of QSBMF for failure: only that has it. */
int
words_opening_append(
	stralloc *sa, struct notice const *n, struct settings const *settings, uint64_t message)
{
	switch (n->kind) {
	case NOTICE_FAILURE: return opening_of_failure(sa, n, settings);
	case NOTICE_DELAY: return opening_of_delay(sa, settings, message);
	case NOTICE_SUCCESS: break;
	}
	return text_append(sa, "\nThis is the tern program at ", settings->me.s,
		".\n"
		"You asked to be told when your message is delivered.\n",
		(char *)NULL);
}

/* Breaks the line at the first byte of each `mark` in the text, which stands at start in *sa. */
static void
line_break(stralloc *sa, size_t start, struct span text, struct span mark)
{
	for (size_t i = 0; i + mark.len <= text.len; i++)
		if (memcmp(text.s + i, mark.s, mark.len) == 0)
			sa->s[start + i] = '\n';
}

/* The server's words, and what send adds to them, begin lines of their own. */
static int
reason_append(stralloc *sa, struct span text)
{
	size_t start = sa->len;

	if (text.len == 0)
		text = SPAN_LITERAL("No reason was given.");
	if (!text_append_clean(sa, text))
		return 0;
	line_break(sa, start, text, SPAN_LITERAL("/Remote host said: "));
	line_break(sa, start, text, SPAN_LITERAL(" I'm not going to try again;"));
	return stralloc_catb(sa, "\n", 1);
}

/* Not what was said: of a mailbox that may be the words of the recipient's own programs. */
static char const *
success_words(struct delivery const *d)
{
	switch (d->event) {
	case HISTORY_RELAYED:
		return "The next server has accepted it. That one sends no reports, so there will\n"
		       "be no further one.\n";
	case HISTORY_EXPANDED: return "It was sent on to the addresses that this one stands for.\n";
	default: break;
	}
	return "It was delivered.\n";
}

int
words_recipient_append(stralloc *sa, struct notice const *n, struct delivery const *d)
{
	if (!stralloc_cats(sa, "\n<") || !text_append_clean(sa, d->recipient) ||
		!stralloc_cats(sa, ">:\n"))
		return 0;
	return n->kind == NOTICE_SUCCESS ? stralloc_cats(sa, success_words(d))
					 : reason_append(sa, d->text);
}
