#ifndef TERN_DEFAULTS_H
#define TERN_DEFAULTS_H

/*
 * The files of control/ in the source tree, as text: what a new instance
 * begins with. Ends with an entry without a name.
 */
struct default_setting {
	char const *name;
	char const *text;
};

extern struct default_setting const defaults[];

#endif
