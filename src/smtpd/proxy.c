#include "smtpd/proxy.h"

#include "lib/clock.h"
#include "service/service.h"
#include "smtpd/hook.h"
#include "wire/proxyheader.h"

static int
refuse(struct session *s)
{
	s->reason = "proxy";
	session_end(s, "421 4.7.0 no PROXY header came before all else, as it must from you");
	return -1;
}

int
proxy_header_take(struct session *s)
{
	int64_t deadline = clock_monotonic() + PROXY_TIMEOUT * 1000;
	unsigned timeout = s->stream.timeout;
	struct proxyheader header;
	int is_welcome = 1;

	if (s->stream.timeout > PROXY_TIMEOUT)
		s->stream.timeout = PROXY_TIMEOUT;
	for (;;) {
		switch (proxyheader_parse(&header, stream_pending(&s->stream))) {
		case PROXYHEADER_MORE:
			if (session_fill(s, deadline) == -1)
				return -1;
			continue;
		case PROXYHEADER_BAD: return refuse(s);
		case PROXYHEADER_CLIENT:
			client_proxied(&s->client, s->settings, &header.client);
			is_welcome = service_client_brought(&header.client);
			break;
		case PROXYHEADER_LOCAL: s->client.is_check = 1; break;
		}
		break;
	}
	stream_take(&s->stream, header.len);
	s->stream.timeout = timeout;
	if (!is_welcome) {
		s->reason = "limit";
		session_end(s, "421 4.7.0 too many connections; try again later");
		return -1;
	}
	if (hook_prepare(&s->client) == 0)
		return 0;
	session_end(s, "421 4.3.0 out of memory");
	return -1;
}
