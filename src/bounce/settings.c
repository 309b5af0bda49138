#include "bounce/settings.h"

#include "lib/control.h"

enum {
	ORIGINAL_BYTES = 50000,
	ORIGINAL_BYTES_MAX = 1 << 30,
	LIFETIME = 7 * 86400, /* as tern-send has it */
	LIFETIME_MAX = 366 * 86400
};

/* Reads an address from two files. Returns 0, or -1 with *why. */
static int
address_read(stralloc *address, char const *local_file, char const *local, char const *host_file,
	struct settings const *s, stralloc *why)
{
	stralloc host = STRALLOC_ZERO;
	int r = -1;

	if (control_value_read(address, local_file, local, why) != -1 &&
		control_value_read(&host, host_file, s->me.s, why) != -1) {
		r = 0;
		if (!stralloc_catb(address, "@", 1) || !stralloc_catb(address, host.s, host.len))
			r = control_complain(why, local_file, 0, "out of memory", span("", 0));
	}
	stralloc_free(&host);
	return r;
}

int
settings_read(struct settings *s, stralloc *why)
{
	if (control_me(&s->me, why) == -1 ||
		address_read(&s->from, "bouncefrom", "MAILER-DAEMON", "bouncehost", s, why) == -1 ||
		address_read(&s->double_to, "doublebounceto", "postmaster", "doublebouncehost", s,
			why) == -1 ||
		control_duration_read(
			&s->queuelifetime, "queuelifetime", LIFETIME, 0, LIFETIME_MAX, why) == -1)
		return -1;
	return control_number_read(
		&s->original_bytes, "bouncemaxbytes", ORIGINAL_BYTES, 0, ORIGINAL_BYTES_MAX, why);
}

void
settings_free(struct settings *s)
{
	stralloc_free(&s->me);
	stralloc_free(&s->from);
	stralloc_free(&s->double_to);
}
