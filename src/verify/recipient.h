#ifndef VERIFY_RECIPIENT_H
#define VERIFY_RECIPIENT_H

#include <skalibs/stralloc.h>

#include "lib/span.h"
#include "wire/verification.h"

/*
 * Whether local delivery would find a mailbox for the local part: an account,
 * and for what is after its dash a .qmail file. What this user may not look
 * into counts as there. The working directory is tern's home and stays it.
 * For VERIFICATION_TROUBLE *why is a sentence.
 */
enum verification recipient_verify(struct span local, stralloc *why);

#endif
