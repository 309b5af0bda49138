/* The options of qmail-inject. */
#include <stddef.h>

#include "inject/fail.h"
#include "inject/options.h"
#include "inject/request.h"

static unsigned char const kinds[128] = {
	['a'] = OPTION_PLAIN,
	['A'] = OPTION_PLAIN,
	['h'] = OPTION_PLAIN,
	['H'] = OPTION_PLAIN,
	['n'] = OPTION_PLAIN,
	['N'] = OPTION_PLAIN,
	['f'] = OPTION_VALUE,
};

void
request_of_inject(struct request *request, char **argv)
{
	struct options options = {argv, NULL};
	char const *value;
	char unknown[2];
	int letter;

	*request = (struct request){.mode = REQUEST_SEND, .from = RECIPIENTS_EITHER};
	while ((letter = options_next(&options, kinds, &value, unknown)) != 0) {
		switch (letter) {
		case 'a': request->from = RECIPIENTS_ARGUMENTS; break;
		case 'A': request->from = RECIPIENTS_EITHER; break;
		case 'h': request->from = RECIPIENTS_HEADER; break;
		case 'H': request->from = RECIPIENTS_BOTH; break;
		case 'n': request->print = 1; break;
		case 'N': request->print = 0; break;
		case 'f': request->sender = value; break;
		}
		if (letter == -1 || (letter == 'f' && !value))
			fail(FAIL_USAGE,
				"usage: tern-inject [-aAhHnN] [-f sender] [recipient ...] < "
				"message",
				(char *)NULL);
	}
	request->recipients = options.argv;
}
