#include "service/pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IPV6_NETWORK = 8 }; /* bytes */

static int
client_equal(struct client const *a, struct client const *b)
{
	if (a->kind != b->kind)
		return 0;
	if (a->kind == CLIENT_USER)
		return a->uid == b->uid;
	return memcmp(a->address.bytes, b->address.bytes, sizeof a->address.bytes) == 0;
}

/* Of one site: what has a /64 of IPv6 has as many addresses as it likes. */
static int
client_akin(struct client const *a, struct client const *b)
{
	if (a->kind == CLIENT_NETWORK && b->kind == CLIENT_NETWORK &&
		!netaddress_is_v4(&a->address) && !netaddress_is_v4(&b->address))
		return memcmp(a->address.bytes, b->address.bytes, IPV6_NETWORK) == 0;
	return client_equal(a, b);
}

int
pool_init(struct pool *pool, unsigned size)
{
	pool->size = size;
	pool->used = 0;
	pool->workers = calloc(size, sizeof *pool->workers);
	return pool->workers ? 0 : -1;
}

struct worker *
pool_idle_of(struct pool *pool, struct client const *client)
{
	struct worker *best = NULL;

	for (struct worker *w = pool->workers; w < pool->workers + pool->used; w++)
		if (w->state == WORKER_IDLE && client_equal(&w->client, client) &&
			(!best || w->since > best->since))
			best = w;
	return best;
}

struct worker *
pool_idle_oldest(struct pool *pool)
{
	struct worker *oldest = NULL;

	for (struct worker *w = pool->workers; w < pool->workers + pool->used; w++)
		if (w->state == WORKER_IDLE && (!oldest || w->since < oldest->since))
			oldest = w;
	return oldest;
}

struct worker *
pool_free_place(struct pool *pool)
{
	for (struct worker *w = pool->workers; w < pool->workers + pool->used; w++)
		if (w->state == WORKER_NONE)
			return w;
	return pool->used < pool->size ? &pool->workers[pool->used++] : NULL;
}

unsigned
pool_count_of(struct pool const *pool, struct client const *client)
{
	unsigned count = 0;

	for (struct worker const *w = pool->workers; w < pool->workers + pool->used; w++)
		count += w->state != WORKER_NONE && client_akin(&w->client, client);
	return count;
}

void
pool_dismiss(struct worker *worker)
{
	if (worker->socket != -1)
		close(worker->socket);
	worker->socket = -1;
	worker->state = worker->state == WORKER_IDLE ? WORKER_NONE : WORKER_LEAVING;
}

void
pool_forget(struct pool *pool, pid_t pid)
{
	for (struct worker *w = pool->workers; w < pool->workers + pool->used; w++) {
		if (w->state == WORKER_NONE || w->pid != pid)
			continue;
		if (w->socket != -1)
			close(w->socket);
		w->socket = -1;
		w->state = WORKER_NONE;
	}
	while (pool->used && pool->workers[pool->used - 1].state == WORKER_NONE)
		pool->used--;
}
