#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include "net/dnscache.h"
#include "net/hosthealth.h"
#include "net/resolver.h"
#include "policy/routes.h"
#include "remote/outcome.h"
#include "remote/session.h"
#include "remote/settings.h"
#include "remote/source.h"
#include "wire/job.h"

/* One destination: how it is reached, and the session that is open, if one is. */
struct remote {
	struct settings settings;
	struct routes routes;
	stralloc route; /* by which the session was opened: route_describe */
	stralloc helo;  /* the name we say in it, ended by a NUL */
	struct resolver resolver;
	struct mailhosts hosts;
	struct session session;
	struct source source;
	int64_t routes_read; /* when the routes were looked at; clock_monotonic() */
	int has_settings;
	int64_t settings_taken; /* when they were read; clock_monotonic() */
	int may_use_sockets;    /* of Unix */
	struct dnscache cache;
	struct hosthealth health;
	struct mailhost last; /* the host of the last session */
	int is_shared;        /* its equals are to have their part of the mail */
};

/* How old they may be, in milliseconds. */
enum {
	ROUTES_AGE_MAX = 1000,  /* routes, while a session is open: then they are looked at */
	SETTINGS_AGE_MAX = 1000 /* other settings, when a session is opened */
};

/* Of equals that share the load none has more messages at a time, so that each has its part. */
enum { SHARED_MESSAGES_MAX = 10 };

/*
 * Confines this process to what mail for a destination needs: Unix sockets only
 * where a route of it, or of some sender, leads to one.
 */
void remote_confine(struct remote *remote, struct span destination);

/*
 * Makes one attempt at a job whose message is the first job->length bytes of
 * fd: over the open session if it may be used, else at each host in turn until
 * one decides.
 */
void remote_deliver(struct remote *remote, struct job const *job, int fd, struct outcome *outcome);

#endif
