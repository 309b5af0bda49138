#include "tern/whylives.h"

#include <string.h>

#include "lib/json.h"
#include "lib/number.h"
#include "lib/text.h"
#include "tern/queueaccess.h"
#include "tern/words.h"

static struct life *
life_find(struct lives *lives, uint64_t id)
{
	for (size_t i = 0; i < lives->count; i++)
		if (lives->life[i].id == id)
			return &lives->life[i];
	return NULL;
}

void
lives_add(struct lives *lives, uint64_t id)
{
	struct life *life = lives->life;
	size_t i;

	if (life_find(lives, id) || (lives->count == LIVES_MAX && id < life[0].id))
		return;
	if (lives->count == LIVES_MAX)
		memmove(life, life + 1, --lives->count * sizeof *life);
	for (i = lives->count++; i && life[i - 1].id > id; i--)
		life[i] = life[i - 1];
	life[i] = (struct life){id, STRALLOC_ZERO};
}

/* Takes a number off the line, and what ends it. Returns 0, or -1. */
static int
number_take(struct span *line, char end, uint64_t *number)
{
	return number_parse(span_cut(line, end), UINT64_MAX, number);
}

/* Takes the word off the line when it begins with it. */
static int
word_take(struct span *line, char const *word)
{
	size_t len = strlen(word);

	if (line->len < len || memcmp(line->s, word, len) != 0)
		return 0;
	line->s += len;
	line->len -= len;
	return 1;
}

/* "info msg M: bytes B from <S> ...", "starting delivery D: msg M to remote R". */
uint64_t
lives_address_id(struct span line, struct span address)
{
	uint64_t id, number;

	if (word_take(&line, "info msg ") && number_take(&line, ':', &id) == 0) {
		span_cut(&line, '<');
		return span_case_equal(span_cut(&line, '>'), address) ? id : 0;
	}
	if (!word_take(&line, "starting delivery ") || number_take(&line, ':', &number) == -1 ||
		!word_take(&line, " msg ") || number_take(&line, ' ', &id) == -1 ||
		(!word_take(&line, "to remote ") && !word_take(&line, "to local ")))
		return 0;
	return span_case_equal(line, address) ? id : 0;
}

/* --- what happened --- */

struct event {
	char const *name, *words; /* in JSON; for people */
};

static struct event const accepted = {"accepted", "it came by SMTP: "};
static struct event const begun = {"delivery", "a delivery begins "};
static struct event const ended = {"result", "the delivery "};

static int
line_append(stralloc *log, uint64_t when, struct event const *event, struct span text)
{
	char time[WORDS_MAX];

	words_time(time, when);
	return text_append(log, "  ", time, "  ", event->words, (char *)NULL) &&
	       text_append_clean(log, text) && stralloc_cats(log, "\n");
}

static int
object_append(stralloc *log, uint64_t when, struct event const *event, struct span text)
{
	return stralloc_cats(log, log->len ? ",{\"event\":" : "{\"event\":") &&
	       json_append_string(log, span_string(event->name)) &&
	       json_append_number_field(log, "time", when) &&
	       json_append_text_field(log, "text", text) && stralloc_cats(log, "}");
}

static void
tell(struct lives *lives, struct life *life, uint64_t when, struct event const *event,
	struct span text)
{
	size_t before = life->log.len;

	if (lives->bytes > LIVES_LOG_MAX) {
		lives->left_out++;
		return;
	}
	memory_or_die(lives->json ? object_append(&life->log, when, event, text)
				  : line_append(&life->log, when, event, text));
	lives->bytes += life->log.len - before;
}

/* --- deliveries: their numbers begin anew with each tern-send --- */

static size_t
delivery_find(struct lives const *lives, uint64_t number)
{
	size_t i = 0;

	while (i < lives->deliveries && lives->delivery[i].number != number)
		i++;
	return i;
}

static void
delivery_begin(struct lives *lives, uint64_t when, uint64_t number, struct span line)
{
	size_t i = delivery_find(lives, number);
	struct life *life;
	uint64_t id;

	if (i < lives->deliveries)
		lives->delivery[i].id = 0; /* of an earlier tern-send */
	if (!word_take(&line, " msg ") || number_take(&line, ' ', &id) == -1 ||
		!(life = life_find(lives, id)))
		return;
	tell(lives, life, when, &begun, line);
	if (i == LIVES_DELIVERIES_MAX) {
		lives->left_out++; /* the line of its result */
		return;
	}
	if (i == lives->deliveries)
		lives->deliveries++;
	lives->delivery[i].number = number;
	lives->delivery[i].id = id;
	memory_or_die(stralloc_copyb(&lives->delivery[i].recipient, line.s, line.len));
}

/* "to remote R: success: words", where tern-send wrote _ for the blanks in its words. */
static void
delivery_end(struct lives *lives, uint64_t when, uint64_t number, struct span line)
{
	size_t i = delivery_find(lives, number), start;
	struct life *life;
	struct life_delivery *last, swap;
	stralloc *text;

	if (i == lives->deliveries)
		return;
	text = &lives->delivery[i].recipient;
	start = text->len;
	life = life_find(lives, lives->delivery[i].id);
	if (life) {
		memory_or_die(stralloc_cats(text, ":") && stralloc_catb(text, line.s, line.len));
		for (; start < text->len; start++)
			if (text->s[start] == '_')
				text->s[start] = ' ';
		tell(lives, life, when, &ended, span(text->s, text->len));
	}
	/* The last takes its place, and its memory is used again. */
	last = &lives->delivery[--lives->deliveries];
	swap = lives->delivery[i];
	lives->delivery[i] = *last;
	*last = swap;
}

/* --- lines --- */

/* Lines that begin with a word and the id, up to `end`. */
static struct {
	char const *begin;
	char end;
	struct event event;
} const lines[] = {
	{"new msg ", ' ', {"new", "tern-send begins with it"}},
	{"info msg ", ':', {"info", "it has"}},
	{"order msg ", ':', {"order", "the administrator's order:"}},
	{"warning: msg ", ':', {"warning", "warning:"}},
	{"attempt msg ", ':', {"attempt", "a worker has tried:"}},
	{"tern-remote: msg ", ':', {"detail", ""}}, /* with control/logdetail */
	{"bounce of msg ", ' ', {"bounce", "its sender is told: the bounce "}},
	{"no bounce of msg ", ':', {"no-bounce", "nobody is told of its failure:"}},
	{"delay notice of msg ", ' ', {"delay", "its sender is told that it is late: the notice "}},
	{"success notice of msg ", ' ',
		{"success", "its sender is told of a delivery: the notice "}},
	{"triple bounce: discarding bounce/", ' ', {"discard", "nobody is told of its failure"}},
	{"end msg ", ' ', {"end", "it leaves the queue"}},
};

void
lives_send_line(void *context, uint64_t when, struct span line)
{
	struct lives *lives = context;
	struct life *life;
	uint64_t number;

	if (word_take(&line, "starting delivery ")) {
		if (number_take(&line, ':', &number) == 0)
			delivery_begin(lives, when, number, line);
	} else if (word_take(&line, "delivery ")) {
		if (number_take(&line, ':', &number) == 0)
			delivery_end(lives, when, number, line);
	} else {
		for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
			if (word_take(&line, lines[i].begin)) {
				if (number_take(&line, lines[i].end, &number) == 0 &&
					(life = life_find(lives, number)))
					tell(lives, life, when, &lines[i].event, line);
				return;
			}
	}
}

/* "smtpd: pid N ip=A event=accept id=M ...". */
void
lives_smtpd_line(void *context, uint64_t when, struct span line)
{
	struct lives *lives = context;
	struct span whole = line;
	struct life *life;
	uint64_t id;

	if (!word_take(&line, "smtpd: pid "))
		return;
	span_cut(&line, ' ');
	span_cut(&line, ' ');
	if (word_take(&line, "event=accept id=") && number_take(&line, ' ', &id) == 0 &&
		(life = life_find(lives, id)))
		tell(lives, life, when, &accepted, whole);
}
