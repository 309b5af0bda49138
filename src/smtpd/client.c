#include "smtpd/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/number.h"

/* What control/access says about the client. */
static void
rules_apply(struct client *client, struct settings const *settings)
{
	struct access_rule const *rule = access_find(&settings->access, &client->address);
	struct span value;

	if (!rule)
		return;
	client->allowed = rule->allow;
	client->variables = rule->variables;
	client->relay = access_variable(rule, "RELAYCLIENT", &client->added);
	(void)access_variable(rule, "REASON", &client->denial);
	client->unlimited = access_variable(rule, "NOLIMITS", &value);
	if (access_variable(rule, "DATABYTES", &value))
		number_parse(value, UINT64_MAX, &client->databytes);
	if (access_variable(rule, "BARELF", &value))
		client->line_feed =
			span_equal(value, SPAN_LITERAL("all")) ? DATA_LF_ALL : DATA_LF_LINES;
}

/* Nothing is known, nothing is granted. */
static void
client_start(struct client *client, struct settings const *settings, int socket)
{
	memset(client, 0, sizeof *client);
	client->socket = socket;
	client->allowed = 1;
	client->databytes = settings->limits.databytes;
	strcpy(client->ip, "unknown");
}

void
client_identify(struct client *client, struct settings const *settings, int socket, char const *ip)
{
	struct sockaddr_storage peer;

	client_start(client, settings, socket);
	if (ip)
		client->known = netaddress_parse(&client->address, span_string(ip)) == 0;
	else
		client->known = getpeername(socket, (struct sockaddr *)&peer,
					&(socklen_t){sizeof peer}) == 0 &&
				netaddress_of_socket(&client->address, &peer) == 0;
	if (!client->known)
		return;
	netaddress_format(client->ip, &client->address);
	client->is_proxy = access_find(&settings->proxies, &client->address) != NULL;
	rules_apply(client, settings);
}

void
client_proxied(
	struct client *client, struct settings const *settings, struct netaddress const *address)
{
	client_start(client, settings, -1);
	client->known = 1;
	client->address = *address;
	netaddress_format(client->ip, &client->address);
	rules_apply(client, settings);
}

char const *
client_environment_apply(struct client *client)
{
	char const *relay = getenv("RELAYCLIENT"), *databytes = getenv("DATABYTES");
	char const *name = getenv("TCPREMOTEHOST");

	if (name)
		client->name = span_string(name);

	if (relay) {
		client->relay = 1;
		client->added = span_string(relay);
	}
	if (databytes && number_parse(span_string(databytes), UINT64_MAX, &client->databytes) == -1)
		return "DATABYTES in the environment is not a number";
	return NULL;
}
