#ifndef INJECT_OPTIONS_H
#define INJECT_OPTIONS_H

/*
 * Options of one letter, as getopt(3) reads them, but with arguments that may
 * be absent ("-d", "-d0.4"), and ending at the first argument that is none.
 */
enum option_kind {
	OPTION_UNKNOWN,
	OPTION_PLAIN,
	OPTION_VALUE,   /* attached, or the next argument */
	OPTION_ATTACHED /* attached, or none */
};

struct options {
	char **argv;        /* what is left */
	char const *inside; /* what is left of a word of several letters */
};

/*
 * Takes the next option. kinds[letter] says what it is. Returns its letter, and
 * in *value its argument (NULL when it has none); 0 after the last, with argv
 * at the first argument that is no option; or -1 after putting an unknown
 * letter into *unknown. A value that is missing at the end is NULL.
 */
int options_next(struct options *options, unsigned char const kinds[128], char const **value,
	char unknown[2]);

#endif
