#ifndef INJECT_SEND_H
#define INJECT_SEND_H

#include "inject/names.h"
#include "inject/request.h"
#include "lib/span.h"

/*
 * Takes the message from descriptor 0, completes it and queues it, or prints
 * it. lists: what QMAILMFTFILE names. Returns when it is done, exits otherwise.
 */
void send_message(struct request const *request, struct names const *names, struct span lists);

/* Appends the addresses of one argument, plain and completed, each ended by a NUL; exits. */
void send_recipient_read(
	stralloc *recipients, char const *argument, int is_list, struct names const *names);

#endif
