#ifndef WIRE_SMTPCOMMAND_H
#define WIRE_SMTPCOMMAND_H

#include "lib/span.h"
#include "wire/envelope.h"

/*
 * One command line of SMTP (RFC 5321, 4.1), without its CR LF: the verb, and
 * the path and parameters of MAIL and RCPT. All spans look into the line.
 */
enum {
	SMTP_LINE_MAX = 2048, /* with CR LF; RFC 5321 asks for 512 and more for extensions */
	SMTP_DOMAIN_MAX = 255
};

enum smtp_verb {
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_VRFY,
	SMTP_HELP,
	SMTP_QUIT,
	SMTP_FOREIGN, /* a verb of SMTP that we do not offer: 502 */
	SMTP_UNKNOWN, /* not a verb: 500 */
	SMTP_VERBS
};

struct smtp_command {
	enum smtp_verb verb;
	struct span argument; /* without blanks at its ends */
};

/*
 * Reads a line. Returns 0; or -1 when it holds control characters (a bare CR
 * or a NUL among them), which no command may.
 */
int smtp_command_parse(struct smtp_command *command, struct span line);

/* What came between < and >, without quoting, as the queue keeps it. */
struct smtp_path {
	size_t len;
	size_t local; /* length of the local part; len when there is no domain */
	int utf8;     /* holds more than ASCII: only SMTPUTF8 (RFC 6531) can carry it */
	char address[ADDRESS_LIMIT];
};

enum smtp_syntax {
	SMTP_GOOD,
	SMTP_BAD,       /* not a path: 501 */
	SMTP_EIGHT_BIT, /* holds 8-bit bytes that are no UTF-8: 553 */
	SMTP_TOO_LONG   /* ADDRESS_LIMIT or more: 501 */
};

/*
 * Reads "FROM:<path> parameters" with keyword "FROM:", or the same of RCPT
 * with "TO:". A source route is dropped (RFC 5321, appendix C), quoted local
 * parts lose their quotes, blanks after the colon and an address without
 * brackets are let pass as everywhere. <> is an empty address, and an address
 * may be a local part alone: what is allowed where is the caller's to say, also
 * whether it may be UTF-8.
 * *parameters is what follows, for smtp_parameter_next.
 */
enum smtp_syntax smtp_path_parse(
	struct smtp_path *path, struct span *parameters, struct span argument, struct span keyword);

/* The domain of a path: empty when it has none. */
struct span smtp_path_domain(struct smtp_path const *path);

/* The values may hold 8-bit bytes: whoever reads one must know what it may be. */
struct smtp_parameter {
	struct span keyword;
	struct span value;
	int has_value;
};

/*
 * Takes the next parameter (RFC 5321, 4.1.2) off *rest. Returns 1; 0 when
 * there is none left; -1 when what stands there is not one.
 */
int smtp_parameter_next(struct smtp_parameter *parameter, struct span *rest);

#endif
