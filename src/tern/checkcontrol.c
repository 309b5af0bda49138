#include "tern/checkcontrol.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/strerr.h>

#include "lib/control.h"
#include "lib/exits.h"
#include "lib/number.h"
#include "net/hosthealth.h"
#include "net/resolver.h"
#include "policy/access.h"
#include "policy/room.h"
#include "policy/warnafter.h"
#include "tern/checklists.h"
#include "tern/checktable.h"
#include "tern/routetests.h"
#include "wire/dnsmessage.h"

enum { RATE_COUNT_MAX = 1000000000, RATE_SECONDS_MAX = 86400 };

static stralloc why;

static struct stat home;
static int many_users; /* the programs run as users of their own */

static void
value_complain(char const *name, char const *what, struct span value)
{
	control_complain(&why, name, 1, what, value);
	finding_add_complaints(FINDING_ERROR, &why, "tern-control(5) says what it may be");
}

static void
name_check(struct setting const *s)
{
	stralloc value = STRALLOC_ZERO;
	struct dns_name name;
	int r = control_value_read(&value, s->name, NULL, &why);

	if (r == -1)
		finding_add_complaints(FINDING_ERROR, &why, "what reads it does not start");
	else if (r == 1 && dns_name_parse(&name, span(value.s, value.len)) == -1)
		value_complain(s->name, "is not the name of a host", span(value.s, value.len));
	else if (r == 0 && strcmp(s->name, "me") == 0) {
		control_me(&value, &why);
		finding_add_complaints(FINDING_ERROR, &why, "nothing starts without it");
	}
	stralloc_free(&value);
}

static void
text_check(struct setting const *s)
{
	stralloc value = STRALLOC_ZERO;

	if (control_value_read(&value, s->name, NULL, &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "what reads it does not start");
	stralloc_free(&value);
}

static void
number_check(struct setting const *s)
{
	uint64_t value;
	int (*read)(uint64_t *, char const *, uint64_t, uint64_t, uint64_t, stralloc *) =
		s->kind == SETTING_NUMBER ? control_number_read : control_duration_read;

	if (read(&value, s->name, s->min, s->min, s->max, &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "what reads it does not start");
}

static void
rate_check(struct setting const *s)
{
	stralloc value = STRALLOC_ZERO;
	int r = control_value_read(&value, s->name, NULL, &why);
	struct span text = span(value.s, value.len), rest = text, count = span_cut(&rest, '/');
	uint64_t n, seconds;

	if (r == -1)
		finding_add_complaints(FINDING_ERROR, &why, "what reads it does not start");
	else if (r == 1 &&
		 (number_parse(span_trim(count), RATE_COUNT_MAX, &n) == -1 || n == 0 ||
			 duration_parse(span_trim(rest), RATE_SECONDS_MAX, &seconds) == -1 ||
			 seconds == 0))
		value_complain(s->name, "is not a number, a slash and a time, as in 100/1h", text);
	stralloc_free(&value);
}

static void
list_check(struct setting const *s)
{
	struct control_list list = CONTROL_LIST_ZERO;

	if (control_list_read(&list, s->name, &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "what reads it does not start");
	control_list_free(&list);
}

static void
servers_check(void)
{
	static struct resolver resolver;

	if (resolver_open(&resolver, &why) == -1)
		finding_add_complaints(
			FINDING_ERROR, &why, "mail waits unless its route leads to an address");
}

static void
proxies_check(void)
{
	struct access access = ACCESS_ZERO;

	if (access_load_addresses(&access, "proxyhosts", &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "tern-smtpd does not start");
	access_free(&access);
}

static void
warnings_check(void)
{
	struct warnafter w;

	if (warnafter_load(&w, &why) == -1)
		finding_add_complaints(FINDING_ERROR, &why, "tern-send does not start");
}

static void
room_check(void)
{
	char const *reason;

	if (room_settings_read(&why) == -1)
		why.len = 0; /* already told with the other numbers */
	else if (room_left(&reason) == 0)
		finding_add(FINDING_ERROR, "queue/mess", 0, span_string(reason),
			"make room: until then new mail is refused");
}

static void
settings_check(void)
{
	for (struct setting const *s = checktable; s->name; s++)
		switch (s->kind) {
		case SETTING_NAME: name_check(s); break;
		case SETTING_TEXT: text_check(s); break;
		case SETTING_NUMBER:
		case SETTING_DURATION: number_check(s); break;
		case SETTING_RATE: rate_check(s); break;
		case SETTING_DOMAINS: checklists_domains(s->name); break;
		case SETTING_LIST: list_check(s); break;
		case SETTING_SPECIAL:
		case SETTING_COMPILED: break;
		}
	checklists_access();
	proxies_check();
	servers_check();
	warnings_check();
	room_check();
	checklists_listen();
	checklists_virtual();
	checklists_rcpthosts();
	checklists_retry();
	checklists_throttle();
	checklists_timeouts();
	checklists_routes();
	routetests_check();
}

static void
say(enum finding_level level, char const *path, char const *what, char const *fix)
{
	finding_add(level, path, 0, span_string(what), fix);
}

static void
access_check(char const *path, struct stat const *st)
{
	mode_t readable = S_ISDIR(st->st_mode) ? S_IROTH | S_IXOTH : S_IROTH;

	if (st->st_mode & S_IWOTH)
		say(FINDING_ERROR, path, "everyone on this machine may change it", "chmod o-w");
	if (st->st_uid != 0 && st->st_uid != home.st_uid)
		say(FINDING_WARNING, path, "belongs to another user than the instance",
			"chown it to the owner of the instance");
	if (many_users && (st->st_mode & readable) != readable)
		say(FINDING_ERROR, path, "the users that tern runs as may not read it",
			S_ISDIR(st->st_mode) ? "chmod o+rx" : "chmod o+r");
}

static void
unknown_say(char const *path, char const *name)
{
	char const *nearest = checktable_nearest(name);
	char what[128];

	if (!nearest) {
		say(FINDING_NOTE, path, "nothing reads a file of this name", NULL);
		return;
	}
	snprintf(what, sizeof what, "nothing reads a file of this name; is it %s?", nearest);
	say(FINDING_WARNING, path, what, "rename or remove it");
}

static void
file_check(char const *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof path, "control/%.255s", name);
	if (!checktable_find(name))
		unknown_say(path, name);
	else if (stat(path, &st) == -1)
		say(FINDING_ERROR, path, strerror(errno), "mend the link, or remove it");
	else
		access_check(path, &st);
}

static int
is_shown(struct dirent const *entry)
{
	return entry->d_name[0] != '.';
}

static void
files_check(void)
{
	struct dirent **entries;
	int n = scandir("control", &entries, is_shown, alphasort);
	struct stat st;

	if (n == -1 || stat("control", &st) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "read control");
	access_check("control", &st);
	for (int i = 0; i < n; i++) {
		file_check(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* What workers remember of relays: a file of theirs, or nothing yet. */
static void
health_check(uid_t owner)
{
	struct stat st;

	if (lstat(hosthealth_path, &st) == -1 || (S_ISREG(st.st_mode) && st.st_uid == owner))
		return;
	say(FINDING_WARNING, hosthealth_path,
		S_ISREG(st.st_mode) ? "belongs to another user than the folder it is in"
				    : "is no file",
		"remove it: until then no relay that failed is remembered");
}

int
checkcontrol(enum findings_form form)
{
	struct stat queue, remote;

	if (stat(".", &home) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "look at the instance");
	many_users = stat("queue/mess", &queue) == 0 && stat("run/remote", &remote) == 0 &&
		     queue.st_uid != remote.st_uid;
	findings_begin(form);
	files_check();
	settings_check();
	if (stat("run/remote", &remote) == 0)
		health_check(remote.st_uid);
	return findings_end();
}
