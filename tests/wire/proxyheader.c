#include "wire/proxyheader.h"

#include "tests/tap.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\x7f\x00\x00\x01\x12\x34\x00\x19"
#define V6                                                                                         \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                               \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34\x00\x19"

static struct {
	char const *bytes;
	size_t len;
	enum proxyheader_status status;
	char const *client;
} const rows[] = {
#define ROW(bytes, status, client)                                                                 \
	{                                                                                          \
		bytes, sizeof bytes - 1, status, client                                            \
	}
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 4660 25\r\n", PROXYHEADER_CLIENT, "192.0.2.1"),
	ROW("PROXY TCP6 2001:db8::1 ::1 4660 25\r\n", PROXYHEADER_CLIENT, "2001:db8::1"),
	ROW("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		PROXYHEADER_CLIENT, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	ROW("PROXY UNKNOWN\r\n", PROXYHEADER_LOCAL, NULL),
	ROW("PROXY UNKNOWN ffff::1 what ever it says\r\n", PROXYHEADER_LOCAL, NULL),
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 0 0\r\n", PROXYHEADER_CLIENT, "192.0.2.1"),
	ROW("EHLO x\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXYTCP4 192.0.2.1 127.0.0.1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("proxy TCP4 192.0.2.1 127.0.0.1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 1\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 1 2 3\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 1 65536\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 192.0.2.1 127.0.0.1 -1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4  192.0.2.1 127.0.0.1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP4 2001:db8::1 ::1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP6 192.0.2.1 127.0.0.1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY TCP5 192.0.2.1 127.0.0.1 1 2\r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY \r\n", PROXYHEADER_BAD, NULL),
	ROW("PROXY UNKNOWN\0\n", PROXYHEADER_BAD, NULL),
	ROW(SIGNATURE "\x21\x11\x00\x0c" V4, PROXYHEADER_CLIENT, "192.0.2.1"),
	ROW(SIGNATURE "\x21\x21\x00\x24" V6, PROXYHEADER_CLIENT, "2001:db8::1"),
	ROW(SIGNATURE "\x21\x11\x00\x0f" V4 "\x04\x00\x00", PROXYHEADER_CLIENT, "192.0.2.1"),
	ROW(SIGNATURE "\x20\x00\x00\x00", PROXYHEADER_LOCAL, NULL),
	ROW(SIGNATURE "\x20\x11\x00\x0c" V4, PROXYHEADER_LOCAL, NULL),
	ROW(SIGNATURE "\x21\x00\x00\x00", PROXYHEADER_LOCAL, NULL),
	ROW(SIGNATURE "\x21\x31\x00\x04path", PROXYHEADER_LOCAL, NULL),
	ROW(SIGNATURE "\x21\x12\x00\x0c" V4, PROXYHEADER_BAD, NULL), /* UDP */
	ROW(SIGNATURE "\x21\x11\x00\x0b\xc0\x00\x02\x01\x7f\x00\x00\x01\x12\x34\x00",
		PROXYHEADER_BAD, NULL),
	ROW(SIGNATURE "\x21\x21\x00\x0c" V4, PROXYHEADER_BAD, NULL),
	ROW(SIGNATURE "\x11", PROXYHEADER_BAD, NULL),
	ROW(SIGNATURE "\x22", PROXYHEADER_BAD, NULL),
	ROW(SIGNATURE "\x21\x11\xff\xff", PROXYHEADER_BAD, NULL),
	ROW("\r\n\r\n\0\r\nQUIX", PROXYHEADER_BAD, NULL),
	ROW("\r\nEHLO", PROXYHEADER_BAD, NULL),
};

/* Complete at its end, not before, and whatever follows. */
static void
check_row(size_t i)
{
	char bytes[512];
	char text[NETADDRESS_TEXT_MAX] = "";
	struct proxyheader h;
	int good = 1;

	memcpy(bytes, rows[i].bytes, rows[i].len);
	memcpy(bytes + rows[i].len, "EHLO x\r\n", 8);
	for (size_t len = 0; len < rows[i].len; len++) {
		enum proxyheader_status status = proxyheader_parse(&h, span(bytes, len));

		good &= status == PROXYHEADER_MORE ||
			(status == PROXYHEADER_BAD && rows[i].status == PROXYHEADER_BAD);
	}
	for (size_t len = rows[i].len; len <= rows[i].len + 8; len++) {
		enum proxyheader_status status = proxyheader_parse(&h, span(bytes, len));

		good &= status == rows[i].status;
		good &= status == PROXYHEADER_BAD || h.len == rows[i].len;
	}
	if (good && rows[i].client)
		netaddress_format(text, &h.client);
	ok(good && (!rows[i].client || strcmp(text, rows[i].client) == 0), "row %zu", i);
}

/* A line of so many bytes with its CR LF. */
static void
check_line_length(size_t len, enum proxyheader_status status)
{
	char bytes[256] = "PROXY UNKNOWN ";
	struct proxyheader h;

	memset(bytes + 14, 'x', len - 16);
	memcpy(bytes + len - 2, "\r\n", 2);
	ok(proxyheader_parse(&h, span(bytes, len)) == status, "a line of %zu bytes", len);
	if (status == PROXYHEADER_BAD)
		ok(proxyheader_parse(&h, span(bytes, len - 1)) == status, "  also without its end");
}

static void
check_binary_length(size_t len, enum proxyheader_status status)
{
	static char bytes[PROXYHEADER_MAX + 2] = SIGNATURE "\x20";
	struct proxyheader h;

	bytes[14] = (char)((len - 16) >> 8);
	bytes[15] = (char)(len - 16);
	ok(proxyheader_parse(&h, span(bytes, len)) == status, "a header of %zu bytes", len);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_row(i);
	check_line_length(PROXYHEADER_LINE_MAX - 1, PROXYHEADER_LOCAL);
	check_line_length(PROXYHEADER_LINE_MAX, PROXYHEADER_LOCAL);
	check_line_length(PROXYHEADER_LINE_MAX + 1, PROXYHEADER_BAD);
	check_binary_length(PROXYHEADER_MAX - 1, PROXYHEADER_LOCAL);
	check_binary_length(PROXYHEADER_MAX, PROXYHEADER_LOCAL);
	check_binary_length(PROXYHEADER_MAX + 1, PROXYHEADER_BAD);
	return tap_end();
}
