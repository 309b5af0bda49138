#include "smtpd/delay.h"

#include <poll.h>
#include <time.h>

int
delay_greeting(struct session *s)
{
	struct pollfd p = {.fd = s->stream.in, .events = POLLIN};
	int milliseconds = (int)s->settings->limits.greet_delay * 1000;

	if (milliseconds == 0 || s->client.relay || s->client.unlimited)
		return 0;
	/* An end of input is noticed by who reads next. A signal ends the wait: we stop. */
	if (stream_pending(&s->stream).len == 0 &&
		(poll(&p, 1, milliseconds) != 1 || (p.revents & POLLHUP)))
		return 0;
	s->reason = "early";
	session_end(s, "554 5.5.1 you talk before the greeting");
	return -1;
}

void
delay_refusal(struct session *s)
{
	struct timespec pause = {.tv_sec = (time_t)s->settings->limits.tarpit};

	if (pause.tv_sec == 0 || s->errors <= TARPIT_FROM || s->client.relay || s->client.unlimited)
		return;
	/* What was answered before leaves before. A signal ends the wait: we stop. */
	if (stream_flush(&s->stream) == 0)
		nanosleep(&pause, NULL);
}
