#include "tern/queueoptions.h"

#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/number.h"

static char const *const state_names[STATES] = {
	[STATE_WAITING] = "waiting",
	[STATE_DEFERRED] = "deferred",
	[STATE_HELD] = "held",
	[STATE_ACTIVE] = "active",
	[STATE_BOUNCING] = "bouncing",
};

enum option {
	OPTION_DIR,
	OPTION_JSON,
	OPTION_DRY_RUN,
	OPTION_YES,
	OPTION_ALL,
	OPTION_SENDER,
	OPTION_RECIPIENT,
	OPTION_DOMAIN,
	OPTION_OLDER,
	OPTION_YOUNGER,
	OPTION_LARGER,
	OPTION_SMALLER,
	OPTION_STATE,
	OPTION_REASON,
	OPTION_LIMIT,
	OPTIONS
};

static struct {
	char const *name;
	int has_value;
	unsigned accept; /* 0: by every command */
} const table[OPTIONS] = {
	[OPTION_DIR] = {"--dir", 1, 0},
	[OPTION_JSON] = {"--json", 0, 0},
	[OPTION_DRY_RUN] = {"--dry-run", 0, ACCEPT_ORDER},
	[OPTION_YES] = {"--yes", 0, ACCEPT_ORDER},
	[OPTION_ALL] = {"--all", 0, ACCEPT_ORDER},
	[OPTION_SENDER] = {"--sender", 1, ACCEPT_SELECTION},
	[OPTION_RECIPIENT] = {"--recipient", 1, ACCEPT_SELECTION},
	[OPTION_DOMAIN] = {"--domain", 1, ACCEPT_SELECTION},
	[OPTION_OLDER] = {"--older", 1, ACCEPT_SELECTION},
	[OPTION_YOUNGER] = {"--younger", 1, ACCEPT_SELECTION},
	[OPTION_LARGER] = {"--larger", 1, ACCEPT_SELECTION},
	[OPTION_SMALLER] = {"--smaller", 1, ACCEPT_SELECTION},
	[OPTION_STATE] = {"--state", 1, ACCEPT_SELECTION},
	[OPTION_REASON] = {"--reason", 1, ACCEPT_SELECTION},
	[OPTION_LIMIT] = {"--limit", 1, ACCEPT_SELECTION},
};

static void
age_read(uint64_t *seconds, char const *name, char const *value)
{
	if (duration_parse(span_string(value), INT64_MAX, seconds) == -1)
		strerr_dief(EXIT_PERMANENT, name, " ", value,
			": not a length of time, such as 90s 10m 5h 3d");
}

/* A number of bytes with or without k, m or g. */
static void
size_read(uint64_t *bytes, char const *name, char const *value)
{
	static char const units[] = "kmgKMG";
	size_t len = strlen(value);
	char const *unit = len ? strchr(units, value[len - 1]) : NULL;
	int shift = unit ? 10 * (int)((size_t)(unit - units) % 3 + 1) : 0;

	if (number_parse(span(value, unit ? len - 1 : len), UINT64_MAX >> shift, bytes) == -1)
		strerr_dief(EXIT_PERMANENT, name, " ", value, ": not a size, such as 20000 64k 5m");
	*bytes <<= shift;
}

static void
limit_read(struct queue_options *o, char const *value)
{
	if (number_parse(span_string(value), UINT64_MAX, &o->limit) == -1 || o->limit == 0)
		strerr_dief(EXIT_PERMANENT, "--limit ", value, ": not a number of messages");
}

static int
state_read(char const *value)
{
	for (int i = 0; i < STATES; i++)
		if (strcmp(value, state_names[i]) == 0)
			return i;
	strerr_dief(EXIT_PERMANENT, "--state ", value,
		": not one of waiting, deferred, held, active, bouncing");
	return -1;
}

static void
option_set(struct queue_options *o, enum option which, char const *value)
{
	switch (which) {
	case OPTION_DIR: o->directory = value; break;
	case OPTION_JSON: o->json = 1; break;
	case OPTION_DRY_RUN: o->dry_run = 1; break;
	case OPTION_YES: o->yes = 1; break;
	case OPTION_ALL: o->all = 1; break;
	case OPTION_SENDER: o->sender = value; break;
	case OPTION_RECIPIENT: o->recipient = value; break;
	case OPTION_DOMAIN: o->destination = value; break;
	case OPTION_OLDER: age_read(&o->older, "--older", value); break;
	case OPTION_YOUNGER: age_read(&o->younger, "--younger", value); break;
	case OPTION_LARGER: size_read(&o->larger, "--larger", value); break;
	case OPTION_SMALLER: size_read(&o->smaller, "--smaller", value); break;
	case OPTION_STATE: o->state = state_read(value); break;
	case OPTION_REASON: o->why = value; break;
	case OPTION_LIMIT: limit_read(o, value); break;
	case OPTIONS: break;
	}
}

/* "--name value" and "--name=value". Returns how many words it took; 0: it is no such option. */
static int
option_read(struct queue_options *o, char const *word, char const *next, unsigned accept,
	char const *usage)
{
	size_t len = strcspn(word, "=");

	for (int i = 0; i < OPTIONS; i++) {
		if (strlen(table[i].name) != len || strncmp(word, table[i].name, len) != 0 ||
			(table[i].accept && !(table[i].accept & accept)))
			continue;
		if (!table[i].has_value && word[len] == '=')
			return 0;
		if (!table[i].has_value || word[len] == '=') {
			option_set(o, (enum option)i, word + len + 1);
			return 1;
		}
		if (!next)
			strerr_dieusage(EXIT_PERMANENT, usage);
		option_set(o, (enum option)i, next);
		return 2;
	}
	return 0;
}

static void
id_read(struct queue_options *o, char const *word, char const *usage)
{
	uint64_t id;

	if (word[0] == '-')
		strerr_dief(EXIT_PERMANENT, word, ": no such option here; usage: ", usage);
	if (number_parse(span_string(word), UINT64_MAX, &id) == -1 || id == 0)
		strerr_dief(EXIT_PERMANENT, word, ": not the id of a message");
	if (!genalloc_append(uint64_t, &o->ids, &id))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
}

void
queue_options_read(struct queue_options *options, int argc, char const *const *argv,
	unsigned accept, char const *usage)
{
	*options = (struct queue_options){.younger = UINT64_MAX,
		.smaller = UINT64_MAX,
		.limit = UINT64_MAX,
		.state = -1,
		.ids = GENALLOC_ZERO};
	for (int i = 1; i < argc;) {
		int words = option_read(
			options, argv[i], i + 1 < argc ? argv[i + 1] : NULL, accept, usage);

		if (words == 0 && !(accept & (ACCEPT_SELECTION | ACCEPT_IDS)))
			strerr_dieusage(EXIT_PERMANENT, usage);
		if (words == 0)
			id_read(options, argv[i++], usage);
		i += words;
	}
}

int
queue_options_select(struct queue_options const *o)
{
	return genalloc_len(uint64_t, &o->ids) || o->sender || o->recipient || o->destination ||
	       o->why || o->older || o->larger || o->younger != UINT64_MAX ||
	       o->smaller != UINT64_MAX || o->state != -1;
}

/* Without case; * in the pattern stands for any bytes. */
static int
pattern_matches(struct span pattern, struct span text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.s[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.len &&
			   span_case_equal(span(pattern.s + p, 1), span(text.s + t, 1))) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return 0;
		}
	}
	while (p < pattern.len && pattern.s[p] == '*')
		p++;
	return p == pattern.len;
}

static int
contains(struct span text, struct span part)
{
	for (size_t i = 0; i + part.len <= text.len; i++)
		if (span_case_equal(span(text.s + i, part.len), part))
			return 1;
	return 0;
}

struct span
recipient_domain(struct span recipient)
{
	size_t at = span_find_last(recipient, '@');

	return at < recipient.len ? span(recipient.s + at + 1, recipient.len - at - 1)
				  : SPAN_LITERAL("localhost");
}

/* One recipient that is not done meets all that is asked of recipients. */
static int
recipient_matches(struct queue_options const *o, struct delivery const *d)
{
	if (d->status == DELIVERY_DONE)
		return 0;
	if (o->recipient && !pattern_matches(span_string(o->recipient), d->recipient))
		return 0;
	if (o->destination &&
		!pattern_matches(span_string(o->destination), recipient_domain(d->recipient)))
		return 0;
	return !o->why || (d->when && contains(d->text, span_string(o->why)));
}

static int
any_recipient_matches(struct queue_options const *o, struct queued const *q)
{
	if (!o->recipient && !o->destination && !o->why)
		return 1;
	for (uint64_t i = 0; i < q->deliveries.length; i++)
		if (recipient_matches(o, &q->deliveries.recipient[i]))
			return 1;
	return 0;
}

static int
age_matches(struct queue_options const *o, uint64_t id, uint64_t now)
{
	uint64_t arrival = id / 1000000;
	uint64_t age = now > arrival ? now - arrival : 0;

	return age >= o->older && age <= o->younger;
}

/* What is being worked on may be held too. */
int
queue_options_may_match(
	struct queue_options const *o, uint64_t id, enum queue_state state, uint64_t now)
{
	if (o->state == STATE_ACTIVE && state != QUEUE_STATE_ACTIVE)
		return 0;
	if (o->state == STATE_HELD && state == QUEUE_STATE_WAITING)
		return 0;
	return age_matches(o, id, now);
}

int
queue_options_match(struct queue_options const *o, struct queued const *q, uint64_t now)
{
	return age_matches(o, q->id, now) && q->entry.message >= o->larger &&
	       q->entry.message <= o->smaller &&
	       (!o->sender || pattern_matches(span_string(o->sender), q->entry.envelope.sender)) &&
	       (o->state == -1 || o->state == (int)message_state(q)) && any_recipient_matches(o, q);
}

enum message_state
message_state(struct queued const *q)
{
	if (q->deliveries.held)
		return STATE_HELD;
	if (q->is_active)
		return STATE_ACTIVE;
	if (queued_is_bouncing(q))
		return STATE_BOUNCING;
	for (uint64_t i = 0; i < q->deliveries.length; i++)
		if (q->deliveries.recipient[i].when)
			return STATE_DEFERRED;
	return STATE_WAITING;
}

char const *
message_state_name(enum message_state state)
{
	return state_names[state];
}
