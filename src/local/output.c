#include "local/output.h"

#include <errno.h>

#include "lib/durable.h"

enum { GATHER_MAX = 128 * 1024 };

void
output_begin(struct output *o, int fd)
{
	o->fd = fd;
	o->failed = 0;
	o->gathered.len = 0;
}

static void
flush(struct output *o)
{
	if (!o->failed && durable_write(o->fd, o->gathered.s, o->gathered.len) == -1)
		o->failed = errno;
	o->gathered.len = 0;
}

void
output_put(struct output *o, struct span bytes)
{
	if (o->gathered.len + bytes.len > GATHER_MAX)
		flush(o);
	if (!stralloc_catb(&o->gathered, bytes.s, bytes.len) && !o->failed)
		o->failed = ENOMEM;
}

int
output_end(struct output *o)
{
	flush(o);
	if (!o->failed)
		return 0;
	errno = o->failed;
	return -1;
}
