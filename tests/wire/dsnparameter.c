#include "wire/dsnparameter.h"

#include "tests/tap.h"

static struct {
	char const *text;
	int result;
	char const *written;
} const notifies[] = {
	{"NEVER", 0, "NEVER"},
	{"never", 0, "NEVER"},
	{"SUCCESS", 0, "SUCCESS"},
	{"delay,failure", 0, "FAILURE,DELAY"},
	{"DELAY,SUCCESS,FAILURE", 0, "SUCCESS,FAILURE,DELAY"},
	{"", -1, ""},
	{",", -1, ""},
	{"SUCCESS,", -1, ""},
	{",SUCCESS", -1, ""},
	{"SUCCESS,,DELAY", -1, ""},
	{"SUCCESS,SUCCESS", -1, ""},
	{"NEVER,SUCCESS", -1, ""},
	{"NEVER,NEVER", -1, ""},
	{"SUCCESS DELAY", -1, ""},
	{"SUCCESSX", -1, ""},
	{"FAIL", -1, ""},
};

static struct {
	char const *text;
	int plain, utf8;
} const originals[] = {
	{"rfc822;a@b", 1, 1},
	{"RFC822;a+2Bb@c", 1, 1},
	{"x-400-type;c+3Dus", 1, 1},
	{"utf-8;a@b", 1, 1},
	{"utf-8;\\x{FC}@b", 1, 1},
	{"utf-8;\xc3\xbc@b", 0, 1},
	{"rfc822;\xc3\xbc@b", 0, 0},
	{"utf-8;\xc3@b", 0, 0},
	{"utf-8;\xc3\xbc=b", 0, 0},
	{"utf-8;\xc3\xbc b", 0, 0},
	{"rfc822;", 0, 0},
	{";a@b", 0, 0},
	{"a@b", 0, 0},
	{"", 0, 0},
	{"rfc 822;a@b", 0, 0},
	{"rfc822;a b", 0, 0},
	{"rfc822;a+00b", 0, 0},
	{"rfc822;a+0Db", 0, 0},
	{"rfc822;a+0Ab", 0, 0},
	{"rfc822;a+4", 0, 0},
	{"r+41;a", 0, 0},
};

/* rfc822; and so many bytes in all. */
static void
check_original_length(size_t len, int good)
{
	char text[DSN_ORCPT_MAX + 2] = "rfc822;";

	memset(text + 7, 'x', len - 7);
	ok(dsn_orcpt_is_good(span(text, len), 0) == good, "ORCPT of %zu bytes", len);
}

static void
check_id_length(size_t len, int good)
{
	char text[DSN_ENVID_MAX + 2];

	memset(text, 'x', len);
	ok(dsn_envid_is_good(span(text, len)) == good, "ENVID of %zu bytes", len);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof notifies / sizeof notifies[0]; i++) {
		unsigned notify = 0;
		stralloc out = STRALLOC_ZERO;
		int r = dsn_notify_parse(&notify, span_string(notifies[i].text));

		ok(r == notifies[i].result && dsn_notify_append(&out, notify), "NOTIFY=%s",
			notifies[i].text);
		same(out.s, out.len, notifies[i].written, strlen(notifies[i].written),
			"  as written");
		stralloc_free(&out);
	}
	for (size_t i = 0; i < sizeof originals / sizeof originals[0]; i++) {
		struct span text = span_string(originals[i].text);

		ok(dsn_orcpt_is_good(text, 0) == originals[i].plain &&
				dsn_orcpt_is_good(text, 1) == originals[i].utf8,
			"ORCPT %zu", i);
	}
	check_original_length(DSN_ORCPT_MAX - 1, 1);
	check_original_length(DSN_ORCPT_MAX, 1);
	check_original_length(DSN_ORCPT_MAX + 1, 0);
	check_id_length(0, 0);
	check_id_length(DSN_ENVID_MAX - 1, 1);
	check_id_length(DSN_ENVID_MAX, 1);
	check_id_length(DSN_ENVID_MAX + 1, 0);
	ok(dsn_envid_is_good(span_string("QQ314159+2B")), "ENVID in xtext");
	ok(!dsn_envid_is_good(span_string("a+0Ab")), "ENVID with a line end");
	ok(dsn_ret_is_good(span_string("full")) && dsn_ret_is_good(span_string("HDRS")), "RET");
	ok(!dsn_ret_is_good(span_string("")) && !dsn_ret_is_good(span_string("HDR")), "bad RET");
	return tap_end();
}
