#ifndef POLICY_ACCESS_H
#define POLICY_ACCESS_H

#include <skalibs/genalloc.h>

#include "lib/control.h"
#include "lib/netaddress.h"
#include "lib/span.h"

/*
 * control/access: which clients may talk to us, and with which privileges, in
 * the text that tcprules compiles:
 *
 *   address:allow[,VARIABLE="value"]...
 *   address:deny
 *
 * The address is one of IPv4 or IPv6 (bare or in brackets), a prefix ("10.1."),
 * a range in its last number ("192.0.2.1-8", "10.2-3."), a network
 * ("10.0.0.0/8", "2001:db8::/32") or empty, which is every client. The most
 * specific line counts, and the first of equals. Names ("=host") and user
 * names ("user@") are not supported and an error.
 */
enum { ACCESS_RULES_MAX = 10000 };

struct access_rule {
	struct netaddress low, high;
	int bits; /* how specific: 0 to 128; -1 for the empty address */
	int allow;
	struct span variables; /* VARIABLE="value"[,...] */
	unsigned line;
};

struct access {
	struct control_list list; /* the rules look into it */
	genalloc rules;           /* struct access_rule */
};

#define ACCESS_ZERO                                                                                \
	{                                                                                          \
		CONTROL_LIST_ZERO, GENALLOC_ZERO                                                   \
	}

/* Reads one line. Returns 0, or -1 with *reason, a part of a sentence. */
int access_rule_parse(struct access_rule *rule, struct span line, char const **reason);

/*
 * Reads control/access; without the file there are no rules. Returns 0; or -1
 * with *why and *access as it was.
 */
int access_load(struct access *access, stralloc *why);

/*
 * Reads control/name, a list of addresses in the same forms and nothing after
 * them: access_find then says which of them matches, or NULL. Returns 0; or -1
 * with *why and *access as it was.
 */
int access_load_addresses(struct access *access, char const *name, stralloc *why);

/* The rule for this client; NULL when there is none, and the client is then allowed. */
struct access_rule const *access_find(struct access const *access, struct netaddress const *client);

/* The value of a variable of the rule. Returns 1; or 0 when it is not set. */
int access_variable(struct access_rule const *rule, char const *name, struct span *value);

/*
 * Steps through the variables of a rule: *rest is rule->variables at first.
 * Returns 1, or 0 after the last.
 */
int access_variable_next(struct span *rest, struct span *name, struct span *value);

/* Whether any rule sets the variable. */
int access_mentions(struct access const *access, char const *name);

void access_free(struct access *access);

#endif
