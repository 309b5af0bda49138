#include "net/hostorder.h"

#include <string.h>

int
hostorder_is_same(struct mailhost const *a, struct mailhost const *b)
{
	return a->port == b->port &&
	       span_case_equal(span(a->name.text, a->name.len), span(b->name.text, b->name.len));
}

typedef int belongs_last(struct mailhost const *host, void const *context);

/* Puts those of which it is true behind the others; else the order stays. */
static void
move_last(struct mailhost *host, size_t length, belongs_last *is_last, void const *context)
{
	struct mailhost last[MAILHOSTS_MAX];
	size_t before = 0, behind = 0;

	for (size_t i = 0; i < length; i++) {
		if (is_last(&host[i], context))
			last[behind++] = host[i];
		else
			host[before++] = host[i];
	}
	memcpy(&host[before], last, behind * sizeof last[0]);
}

static int
is_last_used(struct mailhost const *host, void const *last)
{
	return hostorder_is_same(host, last);
}

/* By rank from here on: how many are equal to the first. */
static size_t
equals_count(struct mailhost const *host, size_t length)
{
	size_t count = 0;

	while (count < length && host[count].rank == host[0].rank)
		count++;
	return count;
}

struct memory {
	struct hosthealth const *health;
	int64_t now;
};

static int
is_paused(struct mailhost const *host, void const *context)
{
	struct memory const *memory = context;

	return hosthealth_is_paused(memory->health, host, memory->now);
}

int
hostorder(struct mailhosts *hosts, struct hosthealth const *health, struct mailhost const *last,
	int64_t now)
{
	struct memory memory = {health, now};
	struct mailhost *host = hosts->host;
	size_t equals;

	for (size_t i = 0; last && i < hosts->length; i += equals) {
		equals = equals_count(host + i, hosts->length - i);
		move_last(host + i, equals, is_last_used, last);
	}
	move_last(host, hosts->length, is_paused, &memory);
	equals = equals_count(host, hosts->length);
	for (size_t i = 1; i < equals; i++)
		if (!hostorder_is_same(&host[i], &host[0]) && !is_paused(&host[i], &memory))
			return !is_paused(&host[0], &memory);
	return 0;
}
