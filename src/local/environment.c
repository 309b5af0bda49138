#include "local/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

static char const path[] = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

static int
put(struct environment *environment, char const *name, struct span value)
{
	return text_append(&environment->text, name, "=", (char *)0) &&
	       stralloc_catb(&environment->text, value.s, value.len) &&
	       stralloc_0(&environment->text);
}

static int
put_string(struct environment *environment, char const *name, char const *value)
{
	return put(environment, name, span_string(value));
}

static int
put_numbered(struct environment *environment, char const *name, int number, struct span value)
{
	char full[16];

	snprintf(full, sizeof full, number == 1 ? "%s" : "%s%d", name, number);
	return put(environment, full, value);
}

/* HOST, and in HOST2 to HOST4 what is left of it without its last, second last, ... label. */
static int
put_hosts(struct environment *environment, char const *domain)
{
	struct span host = span_string(domain);
	int done = 1;

	for (int i = 1; done && i <= 4; i++) {
		done = put_numbered(environment, "HOST", i, host);
		host.len = span_find_last(host, '.');
	}
	return done;
}

/* EXT, and in EXT2 to EXT4 what follows its first, second, third dash. */
static int
put_exts(struct environment *environment, char const *extension)
{
	struct span ext = span_string(extension);
	int done = 1;

	for (int i = 1; done && i <= 4; i++) {
		done = put_numbered(environment, "EXT", i, ext);
		span_cut(&ext, '-');
	}
	return done;
}

static int
put_all(struct environment *environment, struct mail const *mail)
{
	struct recipient const *to = mail->to;
	char const *tern = getenv("TERNHOME");
	stralloc const *rpline = &mail->return_path, *dtline = &mail->delivered_to;

	return put_string(environment, "PATH", path) &&
	       (!tern || put_string(environment, "TERNHOME", tern)) &&
	       put_string(environment, "SENDER", mail->sender.s) &&
	       put_string(environment, "NEWSENDER", mail->new_sender.s) &&
	       /* what follows "Delivered-To: " and is without its newline */
	       put(environment, "RECIPIENT", span(dtline->s + 14, dtline->len - 15)) &&
	       put_string(environment, "USER", to->user) &&
	       put_string(environment, "HOME", to->home) &&
	       put_string(environment, "LOCAL", to->local) && put_hosts(environment, to->domain) &&
	       put_exts(environment, to->ext) &&
	       (!mail->rest || put_string(environment, "DEFAULT", mail->rest)) &&
	       put(environment, "DTLINE", span(dtline->s, dtline->len)) &&
	       put(environment, "RPLINE", span(rpline->s, rpline->len)) &&
	       put(environment, "UFLINE", span(mail->from_line.s, mail->from_line.len));
}

int
environment_make(struct environment *environment, struct mail const *mail)
{
	size_t count = 0;

	environment->text.len = 0;
	if (!put_all(environment, mail))
		return 0;
	for (char const *s = environment->text.s; s < environment->text.s + environment->text.len;
		s += strlen(s) + 1)
		environment->list[count++] = s;
	environment->list[count] = NULL;
	return 1;
}
