#include "queue/origin.h"

#include <unistd.h>

#include "lib/privilege.h"
#include "wire/envelope.h"

void
submitter_identify(struct submitter *submitter, uid_t uid)
{
	int ours = uid == geteuid(); /* an instance of one user: it may be any of its programs */

	submitter->uid = uid;
	submitter->may_network = uid == 0 || privilege_is_owner(uid, "run/smtpd");
	submitter->may_bounce = uid == 0 || privilege_is_owner(uid, "run/bounce") ||
				privilege_is_owner(uid, "queue/hist");
	if (ours || uid == 0)
		submitter->kind = ORIGIN_LOCAL;
	else if (submitter->may_network)
		submitter->kind = ORIGIN_NETWORK;
	else if (submitter->may_bounce)
		submitter->kind = ORIGIN_BOUNCE;
	else
		submitter->kind = privilege_is_owner(uid, "alias") ? ORIGIN_ALIAS : ORIGIN_LOCAL;
}

void
origin_decide(struct origin *origin, struct submitter const *submitter, struct span records)
{
	struct origin said = {.kind = submitter->kind, .uid = submitter->uid};
	struct origin unsaid = said;

	while (records.len) {
		struct span value = span_cut(&records, '\0');
		char letter = value.len ? value.s[0] : '\0';

		if (value.len)
			value = span(value.s + 1, value.len - 1);
		if (value.len > ENVELOPE_VALUE_MAX)
			value.len = ENVELOPE_VALUE_MAX;
		switch (letter) {
		case 'h': said.helo = value; break;
		case 'a': said.address = value; break;
		case 'n': said.name = value; break;
		case 'w': said.protocol = value; break;
		case 'v':
			if (span_equal(value, SPAN_LITERAL("network")))
				said.kind = ORIGIN_NETWORK;
			else if (span_equal(value, SPAN_LITERAL("bounce")))
				said.kind = ORIGIN_BOUNCE;
			break;
		default: break;
		}
	}
	if (said.kind == ORIGIN_NETWORK && submitter->may_network)
		*origin = said;
	else if (said.kind == ORIGIN_BOUNCE && submitter->may_bounce)
		*origin = (struct origin){.kind = ORIGIN_BOUNCE, .uid = submitter->uid};
	else
		*origin = unsaid;
}
