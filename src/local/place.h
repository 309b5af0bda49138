#ifndef LOCAL_PLACE_H
#define LOCAL_PLACE_H

#include <skalibs/stralloc.h>

#include "local/mail.h"

/*
 * Makes the recipient's home the working directory, or sees that it still is.
 * Returns DELIVERED; or TROUBLE with *text when the home is not there, can not
 * be entered, is writable by others or is sticky, which is how its owner says
 * that the .qmail files are being changed.
 */
enum verdict place_enter(struct recipient const *to, stralloc *text);

/* Goes to tern's home for a moment. Returns 0, or -1 with errno; then place_return. */
int place_visit_tern(struct recipient const *to);

/* Back to the recipient's home. Returns 0, or -1: this process must not go on. */
int place_return(void);

#endif
