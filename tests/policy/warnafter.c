#include "policy/warnafter.h"

#include "tests/tap.h"

static struct {
	char const *value;
	int result;
	size_t times;
	uint64_t last;
} const values[] = {
	{"0", 0, 0, 0},
	{"4h", 0, 1, 14400},
	{"600", 0, 1, 600},
	{"4h,2d", 0, 2, 172800},
	{"4h, 2d", 0, 2, 172800},
	{"0,1h", 0, 1, 3600},
	{"1,2,3,4,5,6,7,8", 0, 8, 8},
	{"1,2,3,4,5,6,7,8,9", -1, 0, 0},
	{"366d", 0, 1, 31622400},
	{"31622401", -1, 0, 0},
	{"", -1, 0, 0},
	{"4h,", -1, 0, 0},
	{",4h", -1, 0, 0},
	{"4 h", -1, 0, 0},
	{"4h 2d", -1, 0, 0},
	{"-1", -1, 0, 0},
};

static struct {
	char const *value;
	uint64_t warned, next;
} const nexts[] = {
	{"0", 0, UINT64_MAX},
	{"10", 0, 1010},
	{"10", 1009, 1010},
	{"10", 1010, UINT64_MAX},
	{"20,10", 0, 1010},
	{"20,10", 1012, 1020},
	{"20,10", 1020, UINT64_MAX},
};

int
main(void)
{
	struct warnafter w = {0};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		w = (struct warnafter){.times = 77};
		ok(warnafter_parse(&w, span_string(values[i].value)) == values[i].result &&
				(values[i].result == -1
						? w.times == 77
						: w.times == values[i].times &&
							  (w.times == 0 || w.seconds[w.times - 1] ==
										   values[i].last)),
			"'%s'", values[i].value);
	}
	for (size_t i = 0; i < sizeof nexts / sizeof nexts[0]; i++) {
		warnafter_parse(&w, span_string(nexts[i].value));
		ok(warnafter_next(&w, 1000, nexts[i].warned) == nexts[i].next,
			"'%s' after a warning at %llu", nexts[i].value,
			(unsigned long long)nexts[i].warned);
	}
	return tap_end();
}
