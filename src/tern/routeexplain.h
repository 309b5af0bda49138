#ifndef TERN_ROUTEEXPLAIN_H
#define TERN_ROUTEEXPLAIN_H

#include "lib/span.h"
#include "net/hosthealth.h"
#include "net/mailhosts.h"
#include "net/resolver.h"
#include "policy/domains.h"
#include "policy/ownnames.h"
#include "policy/retry.h"
#include "policy/routes.h"
#include "policy/throttle.h"
#include "tern/facts.h"
#include "tern/routelines.h"

/* All the settings that decide where a message goes. */
struct routeexplain {
	struct domains domains;
	struct ownnames own;
	struct routes routes;
	struct routelines lines;
	struct retry retry;
	struct throttle throttle;
	stralloc helohost;
	struct mailhosts_settings mailhosts;
	struct resolver resolver;
	struct hosthealth health;
};

/* Reads them, to the last bad line. Returns 0, or -1 with *why. */
int routeexplain_load(struct routeexplain *settings, stralloc *why);

struct routeexplain_question {
	enum facts_form form;
	struct span sender; /* .s NULL: not given */
	char const *recipient;
	int connect; /* ask the servers as far as RCPT */
};

/*
 * Prints what becomes of mail to one recipient. Returns EXIT_OK when it can be
 * delivered as far as one can see, EXIT_PERMANENT when it would bounce,
 * EXIT_TEMPORARY when it would wait.
 */
int routeexplain(struct routeexplain *settings, struct routeexplain_question const *question);

#endif
