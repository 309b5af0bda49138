#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/durable.h"
#include "net/dnsservers.h"
#include "wire/route.h"

enum { RESOLV_CONF_MAX = 64 * 1024 };

static char const resolv_conf[] = "/etc/resolv.conf";

/* Reads address, address:port, [v6]:port; IPv6 alone needs no brackets. Returns 0, or -1. */
static int
server_parse(struct resolver_server *server, struct span text, char const **reason)
{
	struct relay relay;

	server->port = RESOLVER_PORT;
	if (netaddress_parse(&server->address, text) == 0)
		return 0;
	if (relay_parse(&relay, text, RESOLVER_PORT, reason) == -1)
		return -1;
	server->port = relay.port;
	*reason = "is not an address: DNS servers are given by address, not by name";
	return netaddress_parse(&server->address, relay.host);
}

/* Returns 0 with the servers of the file, none if it is not there; or -1. */
static int
control_servers(struct resolver *resolver, stralloc *why)
{
	struct control_list list = CONTROL_LIST_ZERO;
	int r = control_list_read(&list, "dnsservers", why);

	for (size_t i = 0; r == 1 && i < control_list_length(&list); i++) {
		struct control_line const *line = control_list_line(&list, i);
		char const *reason = "is one server too many";

		if (resolver->servers < RESOLVER_SERVERS_MAX &&
			server_parse(&resolver->server[resolver->servers], line->text, &reason) ==
				0)
			resolver->servers++;
		else
			r = control_complain(why, "dnsservers", line->number, reason, line->text);
	}
	control_list_free(&list);
	return r == -1 ? -1 : 0;
}

/* Takes the server off a line of resolv.conf; what is not understood is not ours to judge. */
static void
resolv_line(struct resolver *resolver, struct span line)
{
	struct span word = SPAN_LITERAL("nameserver");
	struct netaddress *address = &resolver->server[resolver->servers].address;
	size_t end = 0;

	if (line.len <= word.len || memcmp(line.s, word.s, word.len) != 0 ||
		(line.s[word.len] != ' ' && line.s[word.len] != '\t'))
		return;
	line = span_trim(span(line.s + word.len, line.len - word.len));
	while (end < line.len && line.s[end] != ' ' && line.s[end] != '\t' && line.s[end] != '\r')
		end++;
	if (netaddress_parse(address, span(line.s, end)) == 0)
		resolver->server[resolver->servers++].port = RESOLVER_PORT;
}

static int
system_servers(struct resolver *resolver, stralloc *why)
{
	char text[RESOLV_CONF_MAX];
	struct span rest;
	int fd = open(resolv_conf, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd != -1) {
		n = durable_read_at(fd, text, sizeof text, 0);
		close(fd);
	}
	if (n == -1 || (fd == -1 && errno != ENOENT)) {
		stralloc_cats(why, resolv_conf);
		stralloc_cats(why, ": can not be read");
		return -1;
	}
	rest = span(text, (size_t)n);
	while (rest.len && resolver->servers < RESOLVER_SERVERS_MAX)
		resolv_line(resolver, span_cut(&rest, '\n'));
	return 0;
}

void
resolver_open_later(struct resolver *resolver)
{
	resolver->servers = resolver->preferred = 0;
	resolver->trace = NULL;
	resolver->trace_context = NULL;
	resolver->cache = NULL;
	resolver->unusable = 0;
}

static int
servers_read(struct resolver *resolver, stralloc *why)
{
	errno = 0;
	if (control_servers(resolver, why) == -1)
		return -1;
	if (resolver->servers == 0 && system_servers(resolver, why) == -1)
		return -1;
	if (resolver->servers == 0) { /* as resolv.conf(5) has it */
		netaddress_parse(&resolver->server[0].address, SPAN_LITERAL("127.0.0.1"));
		resolver->server[0].port = RESOLVER_PORT;
		resolver->servers = 1;
	}
	return 0;
}

int
resolver_servers_need(struct resolver *resolver, stralloc *why)
{
	resolver->unusable = 0;
	if (resolver->servers || servers_read(resolver, why) == 0)
		return 0;
	resolver->unusable = 1;
	resolver->unusable_error = errno;
	resolver->servers = 0;
	return -1;
}

int
resolver_open(struct resolver *resolver, stralloc *why)
{
	resolver_open_later(resolver);
	return resolver_servers_need(resolver, why);
}
