#ifndef REMOTE_BODY_H
#define REMOTE_BODY_H

#include "remote/session.h"
#include "remote/source.h"

enum body_result {
	BODY_SENT,         /* with the end of data; a reply is due */
	BODY_UNREADABLE,   /* the message is not what it should be */
	BODY_REFUSED,      /* a chunk, by session->reply, before the last one could count */
	BODY_BROKEN,       /* the connection failed before the end was sent, or the server
			      answered before it: session->failure */
	BODY_BROKEN_AT_END /* the connection failed, and the end may have arrived */
};

/* Sends the text after 354. Short messages leave in one write, with the end of data. */
enum body_result body_send(struct session *session, struct source *source);

/*
 * Sends the text by BDAT (RFC 3030), the last chunk as such. The replies to all
 * but the last one have been heard.
 */
enum body_result body_send_chunks(struct session *session, struct source *source);

#endif
