#include "remote/words.h"

#include "lib/text.h"

static stralloc words; /* of the answer in the making; without memory it stays short */

static void
reply_append(struct session const *session)
{
	stralloc const *text = &session->reply.text;

	if (text->len && stralloc_cats(&words, "\nRemote host said: "))
		stralloc_catb(&words, text->s, text->len);
}

void
words_say(struct answer *answer, enum verdict verdict, char const *text, char const *code)
{
	words.len = 0;
	text_append(&words, text, (char *)0);
	if (code)
		text_append(&words, " (#", code, ")", (char *)0);
	answer_set(answer, verdict, span(words.s, words.len));
}

void
words_quote(struct answer *answer, enum verdict verdict, struct session const *session,
	char const *text)
{
	words.len = 0;
	text_append(&words, session->address, " ", text, (char *)0);
	reply_append(session);
	answer_set(answer, verdict, span(words.s, words.len));
}

void
words_quote_connected(struct answer *answer, enum verdict verdict, struct session const *session,
	char const *text)
{
	words.len = 0;
	text_append(&words, "Connected to ", session->address, " but ", text, (char *)0);
	reply_append(session);
	answer_set(answer, verdict, span(words.s, words.len));
}

static char const *
failure_text(struct session const *session)
{
	switch (session->failure) {
	case FAILURE_CLOSED: return "it closed the connection instead of answering ";
	case FAILURE_SILENT: return "there was no answer in time to ";
	case FAILURE_BROKEN: return "the connection died before an answer to ";
	case FAILURE_NONSENSE: return "this makes no sense as its answer to ";
	case FAILURE_MEMORY: break;
	}
	return "there was no memory for ";
}

void
words_lost(struct answer *answer, struct session const *session, enum phase phase, int sent)
{
	int is_nonsense = session->failure == FAILURE_NONSENSE;
	int is_ours = session->failure == FAILURE_MEMORY;

	words.len = 0;
	text_append(&words, "Connected to ", session->address, " but ", failure_text(session),
		phase_name(phase), ".", sent ? " Possible duplicate!" : "",
		is_ours       ? " (#4.3.0)"
		: is_nonsense ? " (#4.5.0)"
			      : " (#4.4.2)",
		(char *)0);
	if (is_nonsense)
		reply_append(session);
	answer_set(answer, is_ours ? VERDICT_TROUBLE : VERDICT_DEFERRED, span(words.s, words.len));
}
