#include "send/pace.h"

enum { CONNECTIONS_FIRST = 5, BURST = 5 };

void
pace_start(struct pace *pace)
{
	*pace = (struct pace){.connections = CONNECTIONS_FIRST};
}

/* One more after each success, half as many after each sign of too much. */
void
pace_note(struct pace *pace, enum pace_event event, uint32_t dead_seconds, int64_t now)
{
	switch (event) {
	case PACE_WELL:
		pace->dead_until = 0;
		if (pace->connections < THROTTLE_CONNECTIONS_MAX)
			pace->connections++;
		break;
	case PACE_CROWDED:
		pace->dead_until = 0;
		if (pace->connections > 1)
			pace->connections /= 2;
		break;
	case PACE_DEAD:
		pace->connections = 1;
		pace->dead_until = now + (int64_t)dead_seconds * 1000;
		break;
	}
}

unsigned
pace_connections(struct pace const *pace, struct throttle_rule const *rule)
{
	return pace->connections < rule->connections ? pace->connections : rule->connections;
}

static int64_t
gap(struct throttle_rule const *rule)
{
	return rule->messages ? (int64_t)rule->seconds * 1000 / rule->messages : 0;
}

int64_t
pace_wait(struct pace const *pace, int64_t now)
{
	return pace->next > now ? pace->next - now : 0;
}

/* A few that were saved up may go at once, then one each gap. */
void
pace_spend(struct pace *pace, struct throttle_rule const *rule, int64_t now)
{
	int64_t step = gap(rule);
	int64_t earliest = now - step * (rule->messages < BURST ? rule->messages - 1 : BURST - 1);

	if (rule->messages == 0)
		return;
	pace->next = (pace->next > earliest ? pace->next : earliest) + step;
}

int
pace_is_dead(struct pace const *pace, int64_t now)
{
	return now < pace->dead_until;
}
