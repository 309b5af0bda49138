#include "tern/settings.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "lib/durable.h"
#include "lib/exits.h"
#include "lib/text.h"
#include "tern/defaults.h"
#include "tern/files.h"

/* RFC 1035, 2.3.4. */
enum { HOST_NAME_MAX_LENGTH = 255, PORT_PREFERRED = 2525 };

/* All addresses of IPv6 and IPv4. */
static char const listen_standard[] = "[::]:25";

static int
is_host_name(char const *s)
{
	size_t len = strlen(s);

	return len > 0 && len <= HOST_NAME_MAX_LENGTH &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == len;
}

/* Debian's name for the mail of this host. */
static int
name_by_mailname(char name[HOST_NAME_MAX_LENGTH + 1])
{
	int fd = open("/etc/mailname", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return 0;
	n = durable_read_at(fd, name, HOST_NAME_MAX_LENGTH, 0);
	close(fd);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, " \t\r\n")] = '\0';
	return is_host_name(name);
}

/* As hostname -f: what the resolver makes of our name. */
static int
name_by_resolver(char name[HOST_NAME_MAX_LENGTH + 1])
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (gethostname(name, HOST_NAME_MAX_LENGTH) == -1)
		return 0;
	name[HOST_NAME_MAX_LENGTH] = '\0';
	if (getaddrinfo(name, NULL, &hints, &found) == 0) {
		if (found->ai_canonname && strchr(found->ai_canonname, '.'))
			snprintf(name, HOST_NAME_MAX_LENGTH + 1, "%s", found->ai_canonname);
		freeaddrinfo(found);
	}
	return is_host_name(name);
}

static void
host_name(char name[HOST_NAME_MAX_LENGTH + 1])
{
	if (name_by_mailname(name) || name_by_resolver(name))
		return;
	snprintf(name, HOST_NAME_MAX_LENGTH + 1, "localhost");
}

/* Returns a socket bound to the port (0: any) on 127.0.0.1, or -1. */
static int
bind_loopback(in_port_t port, struct sockaddr_in *address)
{
	socklen_t len = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(address, 0, sizeof *address);
	address->sin_family = AF_INET;
	address->sin_port = htons(port);
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)address, len) == -1 ||
		getsockname(fd, (struct sockaddr *)address, &len) == -1) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

static void
listen_loopback(char text[32])
{
	struct sockaddr_in address;
	int fd = bind_loopback(PORT_PREFERRED, &address);

	if (fd == -1)
		fd = bind_loopback(0, &address);
	if (fd == -1)
		strerr_diefusys(EXIT_TEMPORARY, "find a free port on 127.0.0.1");
	close(fd);
	snprintf(text, 32, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
}

/* Fills the empty first line of a default of one value. */
static int
with_value(stralloc *text, char const *template, char const *value)
{
	return stralloc_cats(text, value) && stralloc_cats(text, template);
}

static int
with_line(stralloc *text, char const *template, char const *value)
{
	return stralloc_cats(text, template) && stralloc_cats(text, value) &&
	       stralloc_cats(text, "\n");
}

static void
setting_make(struct default_setting const *setting, char const *me, char const *listen)
{
	stralloc text = STRALLOC_ZERO;
	char path[128];
	int ok;

	if (strcmp(setting->name, "me") == 0)
		ok = with_value(&text, setting->text, me);
	else if (strcmp(setting->name, "smtplisten") == 0)
		ok = with_line(&text, setting->text, listen);
	else if (strcmp(setting->name, "locals") == 0)
		ok = with_line(&text, setting->text, "localhost") &&
		     (strcmp(me, "localhost") == 0 || with_line(&text, "", me));
	else
		ok = stralloc_cats(&text, setting->text);
	if (!ok)
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	snprintf(path, sizeof path, "control/%s", setting->name);
	files_write(path, 0644, span(text.s, text.len));
	stralloc_free(&text);
}

void
settings_make(enum settings_listen listen)
{
	char me[HOST_NAME_MAX_LENGTH + 1], loopback[32];

	host_name(me);
	if (listen == LISTEN_LOOPBACK)
		listen_loopback(loopback);
	for (size_t i = 0; defaults[i].name; i++)
		setting_make(
			&defaults[i], me, listen == LISTEN_LOOPBACK ? loopback : listen_standard);
}

/* The alias user could lead us astray in its own folder: a Maildir that is there stays as it is. */
static void
alias_maildir_make(uid_t uid, gid_t gid)
{
	static char const *const paths[] = {
		"alias/Maildir", "alias/Maildir/tmp", "alias/Maildir/new", "alias/Maildir/cur"};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		if (!files_directory(paths[i], 0700))
			return;
		if (lchown(paths[i], uid, gid) == -1)
			strerr_diefusys(EXIT_TEMPORARY, "give ", paths[i], " to the alias user");
	}
}

void
aliases_make(uid_t uid, gid_t gid)
{
	static char const *const names[] = {
		"alias/.qmail-postmaster", "alias/.qmail-mailer-daemon", "alias/.qmail-root"};
	static char const text[] =
		"# Mail for this address. A line such as &you@example.org instead\n"
		"# sends it to a person; dot-qmail(5) says what else may stand here.\n"
		"./Maildir/\n";

	alias_maildir_make(uid, gid);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		files_write(names[i], 0644, span_string(text));
}
