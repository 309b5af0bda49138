#include "wire/diagnosis.h"

#include "tests/tap.h"

static struct {
	char const *text;
	char const *status;
	char const *reply;
} const texts[] = {
	{"", "5.0.0", ""},
	{"192.0.2.1 does not like recipient./Remote host said: 550 5.1.1 no such user", "5.1.1",
		"550 5.1.1 no such user"},
	{"x Remote host said: 550-5.7.1 a/550 5.7.1 b", "5.7.1", "550-5.7.1 a/550 5.7.1 b"},
	{"x Remote host said: 550 no", "5.0.0", "550 no"},
	{"x Remote host said: 550", "5.0.0", "550"},
	{"x Remote host said: 550 no (#5.1.2)", "5.1.2", "550 no (#5.1.2)"},
	{"x Remote host said: 451 4.7.1 later", "5.4.7", "451 4.7.1 later"},
	{"x Remote host said: 451 later", "5.4.7", "451 later"},
	{"x Remote host said: 451 4.7.1 later I'm not going to try again; too long. (#5.4.7)",
		"5.4.7", "451 4.7.1 later"},
	{"x Remote host said: 250 2.0.0 ok", "5.0.0", "250 2.0.0 ok"},
	{"x Remote host said: nonsense", "5.0.0", ""},
	{"x Remote host said: 5500 no", "5.0.0", ""},
	{"x Remote host said: ", "5.0.0", ""},
	{"Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1", ""},
	{"(#5.1.1) it begins so", "5.1.1", ""},
	{"(#5.1.1) and (#5.2.2)", "5.2.2", ""},
	{"no (#5.999.999)", "5.999.999", ""},
	{"no (#5.1000.1)", "5.0.0", ""},
	{"no (#5.1.1000)", "5.0.0", ""},
	{"no (#6.1.1)", "5.0.0", ""},
	{"no (#5.1)", "5.0.0", ""},
	{"no (#5.1.1", "5.0.0", ""},
	{"no (#", "5.0.0", ""},
	{"no (#4.3.0)", "5.4.7", ""},
	{"host 5.6.7.8 Remote host said: 550 5.6.7.8 is listed", "5.0.0", "550 5.6.7.8 is listed"},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct diagnosis d;

		diagnosis_read(&d, span_string(texts[i].text));
		ok(strcmp(d.status, texts[i].status) == 0 &&
				span_equal(d.reply, span_string(texts[i].reply)),
			"%s", texts[i].text);
	}
	return tap_end();
}
