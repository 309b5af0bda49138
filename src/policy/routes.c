#include "policy/routes.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/control.h"

/*
 * A file that was written to less than this ago may be written to again within
 * the same tick of the file system's clock, and would then look unchanged.
 */
enum { SETTLED_AFTER = 2 }; /* seconds */

/* What the file looks like; all 0, which no file is, when it is not there or not settled. */
static struct routes_stamp
stamp_take(char const *path)
{
	struct routes_stamp stamp = {0, 0, 0, 0};
	struct stat st;

	if (stat(path, &st) == -1 || (uint64_t)st.st_mtime + SETTLED_AFTER > clock_wall() / 1000000)
		return stamp;
	stamp.inode = (uint64_t)st.st_ino;
	stamp.size = (uint64_t)st.st_size;
	stamp.seconds = (uint64_t)st.st_mtim.tv_sec;
	stamp.nanoseconds = (uint64_t)st.st_mtim.tv_nsec;
	return stamp;
}

static int
stamp_same(struct routes_stamp a, struct routes_stamp b)
{
	return a.inode && a.inode == b.inode && a.size == b.size && a.seconds == b.seconds &&
	       a.nanoseconds == b.nanoseconds;
}

static int
smtproutes_refresh(struct routes *routes, stralloc *why)
{
	struct routes_stamp now = stamp_take("control/smtproutes");

	if (stamp_same(now, routes->stamp[0]))
		return 0;
	if (domainmap_load(&routes->map, "smtproutes", DOMAINMAP_VALUES, why) == -1)
		return -1;
	routes->stamp[0] = now;
	return 0;
}

static int
relayhost_refresh(struct routes *routes, stralloc *why)
{
	struct routes_stamp now = stamp_take("control/relayhost");
	stralloc value = STRALLOC_ZERO;
	int r;

	if (stamp_same(now, routes->stamp[1]))
		return 0;
	r = control_value_read(&value, "relayhost", NULL, why);
	if (r != -1) {
		stralloc_free(&routes->relayhost);
		routes->relayhost = value;
		routes->stamp[1] = now;
		return 0;
	}
	stralloc_free(&value);
	return -1;
}

int
routes_refresh(struct routes *routes, stralloc *why)
{
	return smtproutes_refresh(routes, why) == -1 ? -1 : relayhost_refresh(routes, why);
}

static int
relayhost_find(struct routes const *routes, struct route_match *match, stralloc *why)
{
	struct span value = span_trim(span(routes->relayhost.s, routes->relayhost.len));
	char const *reason;

	match->source = ROUTE_RELAYHOST;
	match->line = 1;
	if (route_parse(&match->route, value, &reason) == -1)
		return control_complain(why, "relayhost", 1, reason, value);
	return 0;
}

int
routes_find(
	struct routes const *routes, struct span domain, struct route_match *match, stralloc *why)
{
	struct domainmap_entry entry;
	char const *reason;

	*match = (struct route_match){.source = ROUTE_MX};
	if (routes->relayhost.len)
		return relayhost_find(routes, match, why);
	if (!domainmap_find(&routes->map, domain, &entry))
		return 0;
	match->line = entry.line;
	if (route_parse(&match->route, entry.value, &reason) == -1)
		return control_complain(why, "smtproutes", entry.line, reason, entry.value);
	if (match->route.relays)
		match->source = ROUTE_SMTPROUTES;
	return 0;
}

void
routes_free(struct routes *routes)
{
	domainmap_free(&routes->map);
	stralloc_free(&routes->relayhost);
	memset(routes->stamp, 0, sizeof routes->stamp);
}
