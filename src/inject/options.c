#include "inject/options.h"

#include <stddef.h>
#include <string.h>

int
options_next(struct options *o, unsigned char const kinds[128], char const **value, char unknown[2])
{
	unsigned char letter;

	*value = NULL;
	if (!o->inside || !*o->inside) {
		char const *word = *o->argv;

		if (!word || word[0] != '-' || !word[1])
			return 0;
		o->argv++;
		if (strcmp(word, "--") == 0)
			return 0;
		o->inside = word + 1;
	}
	letter = (unsigned char)*o->inside++;
	switch (letter < 128 ? kinds[letter] : OPTION_UNKNOWN) {
	case OPTION_PLAIN: return letter;
	case OPTION_ATTACHED:
	case OPTION_VALUE:
		if (*o->inside)
			*value = o->inside;
		else if (kinds[letter] == OPTION_VALUE && *o->argv)
			*value = *o->argv++;
		o->inside = NULL;
		return letter;
	default:
		unknown[0] = (char)letter;
		unknown[1] = '\0';
		return -1;
	}
}
