/*
 * The options of the sendmail command, as the programs that call it use them.
 * What only concerned the inside of sendmail is accepted and means nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "inject/fail.h"
#include "inject/options.h"
#include "inject/request.h"
#include "lib/span.h"

static unsigned char const kinds[128] = {
	/* these mean something */
	['b'] = OPTION_VALUE,
	['B'] = OPTION_VALUE,
	['C'] = OPTION_VALUE,
	['f'] = OPTION_VALUE,
	['F'] = OPTION_VALUE,
	['I'] = OPTION_PLAIN,
	['N'] = OPTION_VALUE,
	['q'] = OPTION_ATTACHED,
	['r'] = OPTION_VALUE,
	['R'] = OPTION_VALUE,
	['t'] = OPTION_PLAIN,
	['v'] = OPTION_PLAIN,
	['V'] = OPTION_VALUE,
	/* these are history */
	['A'] = OPTION_ATTACHED,
	['d'] = OPTION_ATTACHED,
	['e'] = OPTION_ATTACHED,
	['E'] = OPTION_ATTACHED,
	['G'] = OPTION_PLAIN,
	['h'] = OPTION_VALUE,
	['i'] = OPTION_PLAIN,
	['J'] = OPTION_ATTACHED,
	['L'] = OPTION_VALUE,
	['m'] = OPTION_PLAIN,
	['n'] = OPTION_PLAIN,
	['o'] = OPTION_VALUE,
	['O'] = OPTION_VALUE,
	['p'] = OPTION_VALUE,
	['U'] = OPTION_PLAIN,
	['x'] = OPTION_PLAIN,
	['X'] = OPTION_VALUE,
};

static void
mode_set(struct request *request, char const *value)
{
	switch (value && !value[1] ? value[0] : '\0') {
	case 'm': request->mode = REQUEST_SEND; break;
	case 'p': request->mode = REQUEST_LIST_QUEUE; break;
	case 'i': request->mode = REQUEST_ALIASES; break;
	case 's': request->mode = REQUEST_SMTP; break;
	case 'v': request->mode = REQUEST_VERIFY; break;
	case 'd':
	case 'D':
	case 'l':
		fail(FAIL_USAGE, "the server is not started by this command: use: tern up",
			(char *)NULL);
	default:
		fail(FAIL_USAGE, "-b", value ? value : "",
			" is not supported: use one of -bm -bp -bs -bi -bv", (char *)NULL);
	}
}

/* "-q", "-qIid", "-qRsite" run the queue; "-q30m" is an interval, which s6 and send know better. */
static void
queue_run_set(struct request *request, char const *value)
{
	int is_interval = value && value[0] >= '0' && value[0] <= '9';

	if (request->mode == REQUEST_SEND || request->mode == REQUEST_NOTHING)
		request->mode = is_interval ? REQUEST_NOTHING : REQUEST_RUN_QUEUE;
}

/* RFC 3461, 4.1: NEVER, or a list of the others. */
static char const *
notify_words(char const *value)
{
	static char const *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
	static char text[sizeof "SUCCESS,FAILURE,DELAY"];
	struct span rest = span_string(value ? value : "");
	unsigned said = 0;

	if (span_case_equal(rest, SPAN_LITERAL("never")))
		return "NEVER";
	do {
		struct span word = span_trim(span_cut(&rest, ','));
		size_t i = 0;

		while (i < 3 && !span_case_equal(word, span_string(words[i])))
			i++;
		if (i == 3)
			fail(FAIL_USAGE, "-N takes never, or a list of success, failure and delay",
				(char *)NULL);
		said |= 1U << i;
	} while (rest.len);
	text[0] = '\0';
	for (size_t i = 0; i < 3; i++)
		if (said & 1U << i) {
			if (text[0])
				strcat(text, ",");
			strcat(text, words[i]);
		}
	return text;
}

static char const *
ret_word(char const *value)
{
	struct span word = span_string(value ? value : "");

	if (span_case_equal(word, SPAN_LITERAL("full")))
		return "FULL";
	if (!span_case_equal(word, SPAN_LITERAL("hdrs")))
		fail(FAIL_USAGE, "-R takes full or hdrs", (char *)NULL);
	return "HDRS";
}

/* In the xtext that SMTP carries it in (RFC 3461, 4). */
static char const *
envelope_id(char const *value)
{
	static char text[ENVID_MAX + 1];
	size_t len = 0;

	for (char const *c = value ? value : ""; *c && len <= ENVID_MAX; c++) {
		char const *coded = *c == '+' ? "+2B" : *c == '=' ? "+3D" : NULL;
		size_t n = coded ? 3 : 1;

		if (*c <= ' ' || *c > '~' || len + n > ENVID_MAX)
			len = ENVID_MAX + 1;
		else
			memcpy(text + len, coded ? coded : c, n);
		len += n;
	}
	if (len == 0 || len > ENVID_MAX)
		fail(FAIL_USAGE, "-V takes a word of at most 100 printable characters",
			(char *)NULL);
	return text;
}

static int
is_eight_bit(char const *value)
{
	return value && span_case_equal(span_string(value), SPAN_LITERAL("8BITMIME"));
}

static char const *
required(char const *value, char const *option)
{
	if (!value)
		fail(FAIL_USAGE, option, " needs a value", (char *)NULL);
	return value;
}

static void
option_apply(struct request *request, int letter, char const *value)
{
	switch (letter) {
	case 'b': mode_set(request, value); break;
	case 'B': request->eight_bit = is_eight_bit(value); break;
	case 'C':
		fail(FAIL_CONFIG,
			"-C is not supported: another instance is named by TERNHOME in the "
			"environment",
			(char *)NULL);
	case 'f':
	case 'r': request->sender = required(value, letter == 'f' ? "-f" : "-r"); break;
	case 'F': request->full_name = required(value, "-F"); break;
	case 'I': request->mode = REQUEST_ALIASES; break;
	case 'N': request->notify = notify_words(value); break;
	case 'q': queue_run_set(request, value); break;
	case 'R': request->ret = ret_word(value); break;
	case 't': request->from = RECIPIENTS_BOTH; break;
	case 'v': request->verbose = 1; break;
	case 'V': request->envelope_id = envelope_id(value); break;
	default: break;
	}
}

void
request_of_sendmail(struct request *request, char **argv)
{
	struct options options = {argv, NULL};
	char const *value;
	char unknown[2];
	int letter;

	*request = (struct request){
		.mode = REQUEST_SEND, .from = RECIPIENTS_ARGUMENTS, .lists = 1, .sender_writes = 1};
	while ((letter = options_next(&options, kinds, &value, unknown)) > 0)
		option_apply(request, letter, value);
	if (letter == -1)
		fail(FAIL_USAGE, "unknown option -", unknown,
			": usage: sendmail [-t] [-f sender] [-F name] [recipient ...] < message",
			(char *)NULL);
	request->recipients = options.argv;
}
