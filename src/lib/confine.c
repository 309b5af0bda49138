#include "lib/confine.h"

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/platform.h"

#if !defined TERN_UNCONFINED && (defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__)
#define TERN_UNCONFINED
#endif
#if !defined TERN_UNCONFINED && defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
	__has_feature(thread_sanitizer)
#define TERN_UNCONFINED
#endif
#endif

#ifdef TERN_UNCONFINED
void
confine(struct confine const *c)
{
	(void)c;
}
#else

static void
limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) == -1)
		return;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		value = now.rlim_max;
	now.rlim_cur = now.rlim_max = value;
	setrlimit(resource, &now);
}

/* A log or a report may go to a file, which must be able to grow. */
static int
writes_to_file(void)
{
	struct stat st;

	for (int fd = 1; fd <= 2; fd++)
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			return 1;
	return 0;
}

/* Only limits that nothing the process has to do can ever reach. */
static void
limits(struct confine const *c)
{
	limit(RLIMIT_CORE, 0);
	if (!(c->may & CONFINE_RUN)) {
#ifdef RLIMIT_NPROC
		limit(RLIMIT_NPROC, 0);
#endif
		if (c->memory)
			limit(RLIMIT_AS, (rlim_t)c->memory);
	}
	if (!(c->may & (CONFINE_RUN | CONFINE_WRITE)) && !writes_to_file()) {
		signal(SIGXFSZ, SIG_IGN);
		limit(RLIMIT_FSIZE, (rlim_t)c->file);
	}
}

/*
 * Where the home is our own user's, everything belongs to that user, who may
 * look at us; other processes of ours are kept from it by the filter.
 */
static void
undump(void)
{
	struct stat st;

	if (stat(".", &st) == -1 || st.st_uid != geteuid())
		platform_undumpable();
}

static void
apply(struct confine const *c)
{
	confine_capabilities(c);
	if (c->may & CONFINE_GAIN)
		return;
	tzset(); /* reads a file, at the first date that is written */
	limits(c);
	undump();
	if (platform_no_new_privileges() == -1)
		return; /* without it the kernel takes none of the rest */
	if (!(c->may & CONFINE_RUN))
		confine_landlock(c);
	confine_filter(c);
}

void
confine(struct confine const *c)
{
#ifdef TERN_SELFTEST
	confine_selftest(c, apply);
#endif
	apply(c);
}
#endif
