#ifndef REMOTE_WORDS_H
#define REMOTE_WORDS_H

#include "remote/outcome.h"
#include "remote/session.h"

/* The sentences of reports, with the server's own words where it said some. */

/* The words themselves, and the enhanced code (RFC 3463) unless NULL: "Text. (#4.3.0)". */
void words_say(struct answer *answer, enum verdict verdict, char const *text, char const *code);

/* "192.0.2.1 does not like recipient." and the last reply. */
void words_quote(struct answer *answer, enum verdict verdict, struct session const *session,
	char const *text);

/* "Connected to 192.0.2.1 but greeting failed." and the last reply. */
void words_quote_connected(struct answer *answer, enum verdict verdict,
	struct session const *session, char const *text);

/* The connection died, or made no sense, at a phase; sent: the whole message had gone out. */
void words_lost(struct answer *answer, struct session const *session, enum phase phase, int sent);

#endif
