#ifndef TERN_FACTS_H
#define TERN_FACTS_H

#include "lib/span.h"

/*
 * Names with values, for a person ("  name: value" a line) or as one object of
 * JSON a line. In JSON a blank in a name is "_". A name that comes again is
 * one more line for a person; in JSON such ones are between facts_list and
 * facts_list_end. All end the program when there is no memory.
 */
enum facts_form { FACTS_TEXT, FACTS_JSON };

void facts_begin(enum facts_form form, char const *title_name, struct span title);
void facts_text(char const *name, struct span value);
void facts_number(char const *name, unsigned long value);
void facts_list(char const *name);
void facts_item(struct span value);
void facts_list_end(void);

/* Prints them, foreign bytes so that they can do no harm to a terminal. */
void facts_end(void);

#endif
