#ifndef LOCAL_INSTRUCTIONS_H
#define LOCAL_INSTRUCTIONS_H

#include <skalibs/stralloc.h>

#include "local/mail.h"
#include "wire/dotqmail.h"

/* What the recipient wants done with mail: a .qmail file, read whole, or the default. */
struct instructions {
	stralloc text;
	stralloc file; /* its name, NUL ended, for messages */
	int forwards_only;
	int forwards_or_programs; /* whether there are any: only these care for the list's owner */
};

/*
 * Finds, reads and checks the instructions for the recipient, looking in the
 * working directory, which is the recipient's home; sets mail->rest. Returns
 * DELIVERED when they can be followed: none of them is wrong. FAILED: there is
 * no such address. Otherwise TROUBLE, with *text.
 */
enum verdict instructions_load(struct instructions *in, struct mail *mail, stralloc *text);

/*
 * Sets mail->new_sender: where a file .qmail-EXT-owner is, failures of what is
 * forwarded go to LOCAL-owner; where .qmail-EXT-owner-default is too, to an
 * address that says whose copy it was. Returns DELIVERED, or TROUBLE.
 */
enum verdict instructions_owner(struct mail *mail, stralloc *text);

#endif
